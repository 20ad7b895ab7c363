#!/usr/bin/env bash
# Starts PostgreSQL with the contract of the official image. In a fresh data folder it makes the cluster, the user
# and the database, runs /docker-entrypoint-initdb.d, and only then becomes the server.
set -Eeuo pipefail
shopt -s nullglob

say() { printf 'postgres: %s\n' "$*"; }
fail() { printf 'postgres: %s\n' "$*" >&2; exit 1; }

# NAME, or the content of the file that NAME_FILE points to; both together are a mistake.
setting() {
	local name=$1 default=${2:-} file_name="$1_FILE" value
	if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
		fail "$name and $file_name are both set; keep one of them"
	fi
	if [ -n "${!file_name:-}" ]; then
		[ -r "${!file_name}" ] || fail "$file_name names ${!file_name}, which cannot be read by uid $(id -u)"
		value=$(<"${!file_name}")
	else
		value=${!name:-$default}
	fi
	printf -v "$name" '%s' "$value"
	export "${name?}"
	unset "$file_name"
}

# Does the command ask for help or its version? Then there is nothing to set up.
only_asks() {
	local argument
	for argument in "$@"; do
		case "$argument" in
		-'?' | --help | --describe-config | -V | --version) return 0 ;;
		esac
	done
	return 1
}

prepare_folders() {
	mkdir -p "$PGDATA" && chmod 00700 "$PGDATA" || true
	mkdir -p /var/run/postgresql && chmod 03775 /var/run/postgresql || true
	if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
		mkdir -p "$POSTGRES_INITDB_WALDIR" && chmod 700 "$POSTGRES_INITDB_WALDIR"
	fi
	if [ "$(id -u)" = 0 ]; then
		find "$PGDATA" /var/run/postgresql ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} \
			\! -user postgres -exec chown postgres '{}' +
	fi
}

# initdb looks its own user up: an arbitrary uid needs an entry, which nss_wrapper gives to this process alone.
name_this_user() {
	getent passwd "$(id -u)" >/dev/null && return 0
	local library
	for library in /usr/lib/*/libnss_wrapper.so; do
		NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
		printf 'postgres:x:%s:%s:PostgreSQL:%s:/bin/false\n' "$(id -u)" "$(id -g)" "$PGDATA" >"$NSS_WRAPPER_PASSWD"
		printf 'postgres:x:%s:\n' "$(id -g)" >"$NSS_WRAPPER_GROUP"
		export LD_PRELOAD=$library NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
		return 0
	done
}

forget_user_name() {
	if [ -n "${NSS_WRAPPER_PASSWD:-}" ]; then
		rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
		unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
	fi
}

require_password() {
	if [ -n "$POSTGRES_PASSWORD" ] || [ "${POSTGRES_HOST_AUTH_METHOD:-}" = trust ]; then
		return 0
	fi
	cat >&2 <<-'TEXT'
		postgres: the database is new, and no superuser password is given.
		  Set POSTGRES_PASSWORD to a non-empty value, or POSTGRES_PASSWORD_FILE to a file that holds it.
		  POSTGRES_HOST_AUTH_METHOD=trust lets everybody in without one: never where others can reach the port.
	TEXT
	exit 1
}

make_cluster() {
	name_this_user
	local options=() method=${POSTGRES_HOST_AUTH_METHOD:-}
	# a line of options, split as a shell would split it
	eval "options=(${POSTGRES_INITDB_ARGS:-})"
	if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
		options+=(--waldir "$POSTGRES_INITDB_WALDIR")
	fi
	initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") -D "$PGDATA/.setup" \
		${options[@]+"${options[@]}"}
	forget_user_name
	[ -n "$method" ] || method=$(postgres -C password_encryption -D "$PGDATA/.setup")
	printf '\nhost all all all %s\n' "$method" >>"$PGDATA/.setup/pg_hba.conf"
	mv "$PGDATA"/.setup/* "$PGDATA"/
	rmdir "$PGDATA/.setup"
}

# Until this file is gone the data folder holds nothing that a client ever saw: a first start that was interrupted,
# or whose init scripts failed, begins again instead of leaving half a database behind.
unfinished() { printf '%s/.setup-unfinished' "$PGDATA"; }

clear_unfinished() {
	if [ -e "$(unfinished)" ]; then
		say "the last set-up was not finished, beginning again"
		find "$PGDATA" -mindepth 1 \! -name .setup-unfinished -delete
		if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
			find "$POSTGRES_INITDB_WALDIR" -mindepth 1 -delete
		fi
	fi
}

query() {
	PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER" "$@"
}

make_database() {
	local there
	there=$(POSTGRES_DB='' query --dbname postgres --tuples-only --set db="$POSTGRES_DB" \
		<<<"SELECT 1 FROM pg_database WHERE datname = :'db';")
	if [ -z "$there" ]; then
		query --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
	fi
}

run_init_files() {
	local file
	for file in /docker-entrypoint-initdb.d/*; do
		case "$file" in
		*.sh)
			if [ -x "$file" ]; then
				say "running $file"
				"$file"
			else
				say "sourcing $file"
				# shellcheck source=/dev/null
				. "$file"
			fi
			;;
		*.sql) say "loading $file" && query --dbname "$POSTGRES_DB" -f "$file" ;;
		*.sql.gz) say "loading $file" && gunzip -c "$file" | query --dbname "$POSTGRES_DB" ;;
		*.sql.xz) say "loading $file" && xzcat "$file" | query --dbname "$POSTGRES_DB" ;;
		*.sql.zst) say "loading $file" && zstd -dc "$file" | query --dbname "$POSTGRES_DB" ;;
		*) say "ignoring $file" ;;
		esac
	done
}

# A server on the socket alone: nobody outside sees a half-made database.
with_private_server() {
	local work=$1
	shift
	PGUSER=${PGUSER:-$POSTGRES_USER} pg_ctl -D "$PGDATA" -w start \
		-o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")" >/dev/null
	"$work"
	PGUSER=${PGUSER:-$POSTGRES_USER} pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
}

fill_database() {
	make_database
	# the init scripts' own psql calls need not ask for it
	export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
	run_init_files
	unset PGPASSWORD
}

set_up() {
	require_password
	touch "$(unfinished)"
	make_cluster
	with_private_server fill_database "$@"
	rm "$(unfinished)"
}

main() {
	if [ "${1:0:1}" = - ]; then
		set -- postgres "$@"
	fi
	if [ "${1:-}" != postgres ] || only_asks "$@"; then
		exec "$@"
	fi
	# first, while this may still be root: secret files need not be readable for the server's user
	setting POSTGRES_PASSWORD
	setting POSTGRES_USER postgres
	setting POSTGRES_DB "$POSTGRES_USER"
	setting POSTGRES_INITDB_ARGS
	prepare_folders
	if [ "$(id -u)" = 0 ]; then
		exec setpriv --reuid=postgres --regid=postgres --init-groups -- "${BASH_SOURCE[0]}" "$@"
	fi
	[ -O "$PGDATA" ] || fail "$PGDATA does not belong to uid $(id -u): give it that owner, or set PGDATA to a folder below it"
	clear_unfinished
	if [ -s "$PGDATA/PG_VERSION" ]; then
		say "data found in $PGDATA, starting"
	else
		set_up "${@:2}"
		say "set up, starting"
	fi
	unset POSTGRES_PASSWORD
	exec "$@"
}

main "$@"
