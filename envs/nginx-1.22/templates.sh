#!/bin/sh
# Fills environment variables into /etc/nginx/templates/*.template and writes the results to /etc/nginx/conf.d.
# Only variables that are set are replaced, so that nginx's own $variables stay.
set -eu

templates=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
suffix=${NGINX_ENVSUBST_TEMPLATE_SUFFIX:-.template}
output=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}

[ -d "$templates" ] || exit 0
if [ ! -w "$output" ]; then
	echo "nginx: $output cannot be written, templates are left out" >&2
	exit 0
fi
names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' | grep -E "${NGINX_ENVSUBST_FILTER:-}" | sed 's/.*/${&}/' | tr '\n' ' ')
find "$templates" -follow -type f -name "*$suffix" | while read -r template; do
	relative=${template#"$templates/"}
	target=$output/${relative%"$suffix"}
	mkdir -p "$(dirname "$target")"
	envsubst "$names" <"$template" >"$target"
done
