#!/bin/sh
# Runs the start scripts in the order of their names, then becomes nginx.
set -eu

case "${1:-}" in
nginx | nginx-debug)
	for script in /docker-entrypoint.d/*; do
		case "$script" in
		*.envsh)
			# shellcheck source=/dev/null
			[ -x "$script" ] && . "$script"
			;;
		*.sh)
			if [ -x "$script" ]; then
				"$script"
			else
				echo "nginx: $script is not executable, left out" >&2
			fi
			;;
		esac
	done
	;;
esac
exec "$@"
