#!/bin/sh
# Starts Redis with the contract of the official image: options alone are options of redis-server, the data folder
# belongs to the user `redis`, and the server runs as that user.
set -eu

# `--save 60 1` or `/etc/my.conf` alone mean: redis-server with that
case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1:-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis:redis '{}' +
	exec setpriv --reuid=redis --regid=redis --clear-groups -- "$0" "$@"
fi

# Files that the server makes are its own business, unless somebody decided otherwise.
if [ "$(umask)" = 0022 ]; then
	umask 0077
fi

# Does the command line, or the configuration file that it names, decide on the protected mode?
decides_protection() {
	for argument in "$@"; do
		case "$argument" in
		--protected-mode) return 0 ;;
		*.conf) grep -qi '^[[:space:]]*protected-mode' "$argument" 2>/dev/null && return 0 ;;
		esac
	done
	return 1
}

# Protected mode refuses every client from another container; only published ports leave the environment.
if [ "${1:-}" = redis-server ] && ! decides_protection "$@"; then
	set -- "$@" --protected-mode no
fi
exec "$@"
