#!/usr/bin/env bash
# Watch real jobs go through a coordinator and two workers. Needs nothing but Python 3.11, or a
# Debian where it may be installed. ./demo.sh --keep leaves everything running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
deploy/bootstrap.sh run
exec .venv/bin/python -u -m examples.demo "$@"
