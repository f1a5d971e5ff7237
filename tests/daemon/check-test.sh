#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cpmd --check as an operator sees it: what is printed where, and the exit status.
cpmd=$PWD/cpmd
broken=$(cd "${srcdir:-.}/tests/daemon/broken" && pwd) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0

fail()
{
	echo "$*" >&2
	failures=$((failures + 1))
}

# check NAME STATUS STDOUT, then the text of stderr on stdin; in the file's own folder.
check()
{
	cat > "$dir/want"
	"$cpmd" --check "$1" > "$dir/out" 2> "$dir/err"
	status=$?
	[ $status -eq "$2" ] || fail "$1: status $status, not $2"
	[ "$(cat "$dir/out")" = "$3" ] || fail "$1: said \"$(cat "$dir/out")\", not \"$3\""
	diff "$dir/want" "$dir/err" >&2 || fail "$1: said something else on stderr"
}

cd "$broken" || exit 1
for file in *.yaml; do
	expect=${file%.yaml}.expect
	n=$(grep -c . "$expect")
	s=s
	[ "$n" -eq 1 ] && s=
	check "$file" 1 "$file: $n fault$s" < "$expect"
done

cd "$dir" || exit 1
"$cpmd" --print-sample > sample.yaml || fail "--print-sample failed"
check sample.yaml 0 "sample.yaml: no faults" < /dev/null

# The daemon and cpmctl look for each other in the same place.
socket=$(sed -n 's/^ *#socket: //p' sample.yaml)
"${cpmd%/cpmd}/cpmctl" --help | grep -qF "$socket" || fail "cpmctl does not look at $socket"

printf 'store:\n  engine: mem\n' > mem.yaml
check mem.yaml 0 "mem.yaml: no faults, 1 warning" <<'END'
mem.yaml:2:11: warning: a restart loses everything that is stored; use bdb for more than a trial
END

mkdir main.yaml.d
printf 'http:\n  idle-time: 5 s\n' > main.yaml
printf 'http:\n  idle-time: 5\n' > main.yaml.d/10.yaml
check main.yaml 1 "main.yaml: 1 fault" <<END
main.yaml.d/10.yaml:2:14: http.idle-time is "5" without a unit; write ms, s, min, h or d behind \
the number
END

check absent.yaml 1 "absent.yaml: 1 fault" <<'END'
absent.yaml: cannot read absent.yaml: No such file or directory; check the path, or create the file
END

# A full disk behind stdout is not taken for success.
if [ -w /dev/full ]; then
	"$cpmd" --print-sample > /dev/full 2> "$dir/err" && fail "--print-sample to a full disk"
	"$cpmd" --check sample.yaml > /dev/full 2>&1 && fail "--check to a full disk"
fi

"$cpmd" --check sample.yaml more > "$dir/out" 2>&1
[ $? -eq 2 ] || fail "an argument too many is taken"

[ $failures -eq 0 ]
