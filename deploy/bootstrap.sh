#!/usr/bin/env bash
# Makes .venv and installs what is asked for into it; nothing happens when that was done before.
#
#   deploy/bootstrap.sh run         the package alone
#   deploy/bootstrap.sh dev         the package with its tests and checks
#   deploy/bootstrap.sh postgres    the PostgreSQL that tests start, by apt, when root
#   deploy/bootstrap.sh node        Node 18 or newer, which runs the example worker, likewise
#   deploy/bootstrap.sh browser     Chromium, which the tests of the dashboard drive, likewise
#   deploy/bootstrap.sh promtool    promtool, which checks metrics and alerts, without Prometheus
#
# The dashboard is built on the way (hatch_build.py), and again only when its sources changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

can_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

apt_install() {
  say "Installing $* ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null || say "apt-get update failed; trying with the lists that are here"
  apt-get install -q -y --no-install-recommends "$@" >/dev/null
}

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if recent "$name"; then printf '%s\n' "$name"; return; fi
  done
  return 1
}

with_uv() {
  command -v uv >/dev/null || return 1
  recent .venv/bin/python || uv venv -q --clear --python '>=3.11' .venv || return 1
  uv pip install -q --python .venv/bin/python -e "$1" || { say "uv failed; trying pip"; return 1; }
}

with_python() {
  local python
  if ! python=$(find_python); then
    can_install || die "Python 3.11 or newer is needed (Debian: sudo apt-get install python3-venv)"
    apt_install python3 python3-venv
    python=$(find_python) || die "Python 3.11 or newer is needed, and this system has none"
  fi
  if ! "$python" -c 'import ensurepip' 2>/dev/null &&
    ! "$python" -m pip --version >/dev/null 2>&1; then
    can_install || die "$python has neither venv nor pip (Debian: sudo apt-get install python3-venv)"
    apt_install python3-venv
  fi
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    { [ -x .venv/bin/pip ] && recent .venv/bin/python; } || "$python" -m venv --clear .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -e "$1"
  else
    recent .venv/bin/python || "$python" -m venv --clear --without-pip .venv
    "$python" -m pip --python .venv/bin/python install -q --disable-pip-version-check -e "$1"
  fi
}

sources() {
  find pyproject.toml hatch_build.py ui -name node_modules -prune -o -type f -print0 |
    sort -z | xargs -0 cat | cksum
}

environment() {
  local what=$1 target=$2 stamp wanted
  wanted="$(sources) $PWD"
  for stamp in ".venv/.installed-$what" .venv/.installed-dev; do
    if .venv/bin/python -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
      return
    fi
  done
  say "Installing Tenure into .venv (once) ..."
  with_uv "$target" || with_python "$target"
  printf '%s\n' "$wanted" >".venv/.installed-$what"
}

has_postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

postgres() {
  if has_postgres; then return; fi
  if can_install && apt_install postgresql; then return; fi
  say "PostgreSQL is not installed: its tests are left out (Debian: sudo apt-get install postgresql)"
}

has_node() { node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; }

node_js() {
  if has_node; then return; fi
  if can_install && apt_install nodejs && has_node; then return; fi
  say "Node 18 or newer is not installed: the test of examples/worker.mjs fails (Debian: sudo apt-get install nodejs)"
}

has_browser() { command -v chromium >/dev/null; }

browser() {
  if has_browser; then return; fi
  if can_install && apt_install chromium; then return; fi
  say "Chromium is not installed: the tests of the dashboard fail (Debian: sudo apt-get install chromium)"
}

# Only this program: the package would start a server.
promtool() {
  if command -v promtool >/dev/null; then return; fi
  if can_install; then
    say "Fetching promtool ..."
    local folder
    folder=$(mktemp -d)
    apt-get update -q >/dev/null || true
    if (cd "$folder" && apt-get download -q prometheus >/dev/null && dpkg-deb -x ./*.deb .) &&
      install -m 755 "$folder/usr/bin/promtool" /usr/local/bin/; then
      rm -rf "$folder"
      return
    fi
    rm -rf "$folder"
  fi
  say "promtool is not installed: the tests of metrics and alerts fail (Debian: sudo apt-get install prometheus)"
}

[ $# -gt 0 ] || die "say what to install: run, dev, postgres, node, browser or promtool"
for what in "$@"; do
  case $what in
    run) environment run . ;;
    dev) environment dev '.[dev]' ;;
    postgres) postgres ;;
    node) node_js ;;
    browser) browser ;;
    promtool) promtool ;;
    *) die "unknown: $what (run, dev, postgres, node, browser or promtool)" ;;
  esac
done
