"""Ways to tell somebody: webhooks, e-mail, and what Apprise reaches."""
