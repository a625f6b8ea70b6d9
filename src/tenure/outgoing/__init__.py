"""What calls out of this installation to addresses that users name goes through here."""
