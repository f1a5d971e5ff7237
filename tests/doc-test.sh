#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What doc/hacking.md names exists: files and folders of the tree, functions of the headers.
cd "${srcdir:-.}" || exit 1
page=doc/hacking.md
failures=0

fail()
{
	echo "$page: $*" >&2
	failures=$((failures + 1))
}

# Every word in backquotes, one a line; those with a place for a name in them are left out.
words=$(grep -v '^    ' "$page" | grep -o '`[^` ]*`' | tr -d '`' | grep -v '[<>]\|NAME' | sort -u)
paths=$(echo "$words" | grep '^[a-z][a-z_]*/')
functions=$(echo "$words" | grep '^[a-z]*_[a-z_]*$')
[ "$(echo "$paths" | wc -l)" -ge 15 ] || fail "hardly any paths were found in it"

for path in $paths; do
	[ -e "$path" ] || fail "$path does not exist"
done
for function in $functions; do
	case $function in
	room_noun_verb | _*) continue ;;
	esac
	grep -qw "$function" ./*/*.h tests/*.h || fail "no header has $function"
done

# Each room (a folder with a makefile part and headers, but for tests and benches) has its row.
for part in */local.am; do
	room=${part%/local.am}
	case $room in
	tests | bench) continue ;;
	esac
	ls "$room"/*.h >/dev/null 2>&1 || continue
	grep -q "^| \`$room/\` |" "$page" || fail "$room/ has no row"
done

[ $failures -eq 0 ]
