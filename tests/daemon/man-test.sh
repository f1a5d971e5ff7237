#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The generated manual page formats without a complaint, and has every setting.
page=doc/cpmd.yaml.5
sample=conf/cpmd.yaml.sample

fail()
{
	echo "$*" >&2
	exit 1
}

[ -f "$page" ] || fail "$page is missing: make all first"
if grep -n '@[A-Za-z]*@' "$page"; then
	fail "$page has something that the build did not fill in"
fi

# As many settings in the sample ("  #name: default") as entries in the page.
settings=$(grep -c '^ *#[a-z][a-z0-9-]*:' "$sample")
entries=$(sed -n "/^\.SH SETTINGS/,/^\.SH FILES/p" "$page" | sed "/^\.RS/,/^\.RE/d" |
	grep -c "^\.TP")
[ "$settings" -gt 30 ] || fail "$sample has only $settings settings"
[ "$settings" -eq "$entries" ] || fail "$settings settings in $sample, $entries in $page"

if command -v groff >/dev/null; then
	# Wide, since a path of the installation may be longer than a terminal's line.
	said=$(groff -man -rLL=400n -Tutf8 -ww -z "$page" 2>&1)
elif command -v mandoc >/dev/null; then
	said=$(mandoc -T lint -W warning "$page" 2>&1)
else
	echo "neither groff nor mandoc is here: the form was not checked"
	exit 77
fi
[ -z "$said" ] || fail "$said"
