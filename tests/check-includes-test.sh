#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The include check finds each kind of fault, and lets pass what is allowed.

set -u
check=$(cd "$(dirname "$0")" && pwd)/check-includes.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fresh()
{
	rm -rf "$dir/t"
	mkdir -p "$dir/t/base" "$dir/t/kv" "$dir/t/http" "$dir/t/xdms" "$dir/t/daemon" "$dir/t/tests"
	for h in base/err kv/kv http/http xdms/xdm kv/kv_priv; do
		guard=$(printf %s "$h" | tr 'a-z/' 'A-Z_')_H
		printf '#ifndef %s\n#define %s\n#include <stdint.h>\nint f_%s(void);\n#endif\n' \
			"$guard" "$guard" "$(basename $h)" >"$dir/t/$h.h"
	done
}

# expect WHY FILE CONTENT [PATTERN]: with PATTERN a fault that matches it, else none.
expect()
{
	fresh
	printf "$3" >"$dir/t/$2"
	case ${4-} in
	*compile*) unset SKIP_COMPILE ;;
	*) export SKIP_COMPILE=1 ;;
	esac
	out=$(sh "$check" "$dir/t" 2>&1)
	rc=$?
	if [ $# -eq 3 ]; then
		[ $rc -eq 0 ] && return
		echo "FAIL: $1: refused: $out"
		failed=1
	elif [ $rc -eq 0 ] || ! printf '%s\n' "$out" | grep -q -- "$4"; then
		echo "FAIL: $1: expected \"$4\", got ($rc): $out"
		failed=1
	fi
}

expect "an arrow forwards" kv/kv.c '#include "kv/kv.h"\n#include "base/err.h"\n'
expect "an arrow backwards" base/err.c '#include "base/err.h"\n#include "kv/kv.h"\n' \
	'^base/err.c:2: arrow backwards: base/ may not include kv/'
expect "a header's arrow counts as well" base/x.h '#include "kv/kv.h"\n' \
	'^base/x.h:1: arrow backwards'
expect "a blank inside the directive does not hide it" base/x.c ' #  include "kv/kv.h"\n' \
	'^base/x.c:1: arrow backwards'
expect "an edge in its adapter" xdms/xdms_http.c '#include "http/http.h"\n'
expect "an edge outside an adapter" xdms/xdms.c '#include "http/http.h"\n' \
	'http/ is met outside an adapter'
expect "an edge in another edge's adapter" xdms/xdms_sip.c '#include "http/http.h"\n' \
	'http/ is met outside an adapter'
expect "a storage room never meets an edge" kv/kv_http.c '#include "http/http.h"\n' \
	'arrow backwards: kv/ may not include http/'
expect "a third-party header behind its door" kv/kv_bdb.c '#include <db.h>\n'
expect "a third-party header outside its door" xdms/x.c '#include <db.h>\n' \
	'^xdms/x.c:1: <db.h> outside its door'
expect "the parser of XML has one door" xdms/x.c '#include <libxml/parser.h>\n' \
	'<libxml/parser.h> outside its door'
expect "an unknown third-party header" xdms/x.c '#include <bzlib.h>\n' '<bzlib.h> has no door'
expect "tests may name any library" tests/x.c '#include <bzlib.h>\n'
expect "the C library has no door" kv/x.c '#include <stdio.h>\n#include <sys/socket.h>\n'
expect "another room's private header" daemon/x.c '#include "kv/kv_priv.h"\n' 'private to kv/'
expect "the room's own private header" kv/x.c '#include "kv/kv_priv.h"\n'
expect "not from the top" kv/x.c '#include "kv_priv.h"\n' 'not written from the top'
expect "not upwards either" kv/x.c '#include "kv/../base/err.h"\n' 'not written from the top'
expect "a room without a place in the table" kv/x.c '#include "attic/x.h"\n' 'no room "attic"'
expect "a header that is not there" kv/x.c '#include "base/nothing.h"\n' 'does not exist'
expect "its own header first" kv/kv.c '#include <stdio.h>\n#include "kv/kv.h"\n' \
	'its own header "kv/kv.h" does not come first'
expect "a header that does not compile alone" kv/x.h 'size_t f(void);\n' \
	'^kv/x.h:1: does not compile alone'
expect "a header without a guard" kv/x.h 'struct x {\n\tint a;\n};\n' \
	'^kv/x.h:1: does not compile alone'

fresh
mkdir "$dir/t/attic"
echo 'int a;' >"$dir/t/attic/x.c"
sh "$check" "$dir/t" 2>&1 | grep -q 'attic/x.c:1: no room "attic"' || {
	echo "FAIL: a folder outside the table passed"
	failed=1
}
sh "$check" "$dir" >/dev/null 2>&1
[ $? -eq 2 ] || {
	echo "FAIL: a folder without sources passed"
	failed=1
}
fresh
echo '#include "base/err.h"' >"$dir/t/kv/x.c"
sh "$check" --dot "$dir/t" | grep -q 'kv -> base \[label=1\]' || {
	echo "FAIL: --dot does not draw kv -> base"
	failed=1
}
sh "$check" --text "$dir/t" | grep -q '^kv *-> base(1)' || {
	echo "FAIL: --text does not show kv -> base"
	failed=1
}
exit $failed
