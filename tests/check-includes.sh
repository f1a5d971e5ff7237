#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Draws the include graph of the rooms and fails on what the house does not allow: an arrow
# backwards, a third-party header outside its door, an edge met outside its adapter, another room's
# private header, an include that is not written from the top, a header that does not compile alone.
#
# usage: check-includes.sh [--dot | --text] [SOURCE-FOLDER]
#	--dot	print the graph for dot(1), check nothing
#	--text	print one line a room, check nothing
# Environment: CC (cc), CPPFLAGS for the headers, SKIP_COMPILE=1 to leave the compiling out.

set -u
LC_ALL=C
export LC_ALL
mode=check
case ${1-} in
--dot | --text)
	mode=${1#--}
	shift
	;;
esac
top=${1:-${srcdir:-$(dirname "$0")/..}}
[ -f "$top/base/err.h" ] || {
	echo "check-includes: no base/err.h under $top: not the source folder" >&2
	exit 2
}
cd "$top" || exit 2

# Who may include whom. An action room (the third column says yes) may include an edge (http, sip,
# msrp) only in the adapter files known by that suffix.
rooms='
base	-	-
kv	base	-
auth	base	-
http	base auth	-
sip	base auth kv	-
msrp	base	-
policy	base	-
xdms	base kv policy http sip	action
cab	base kv policy xdms http sip	action
msgstore	base kv http sip	action
cpm	base kv auth policy xdms cab msgstore sip msrp http	action
iwf	base kv auth policy xdms cab msgstore cpm sip msrp http	action
charging	base cpm	action
admin	base kv auth http sip msrp policy xdms cab msgstore cpm iwf charging	action
daemon	*	-
tests	*	-
bench	*	-
'

# Third-party headers (an extended regular expression) and the files that may name them.
doors='
microhttpd\.h	http/.*
osip.*	sip/.*
ares\.h	sip/sip_dns\.c
db\.h	kv/[a-z_]*bdb[a-z_]*\.[ch]
iconv\.h	cab/cab_charset\.c
libxslt/.*	(cab|iwf)/.*
yaml\.h	base/conf[a-z_]*\.c
jansson\.h	(base/json\.[ch]|.*_(http|sip|msrp)\.c)
libxml/(parser|parserInternals|xmlreader|SAX|SAX2|xinclude|catalog|HTMLparser)\.h	base/xml[a-z_]*\.c
libxml/.*	(base/xml|xdms/|cab/|policy/|iwf/|cpm/|msgstore/).*
curl/.*	(daemon/cpmctl[a-z_]*|cpm/cpm_fetch)\.[ch]
gnutls/.*	(http|sip|auth|base)/.*
uv\.h	(base|http|sip|msrp|daemon)/.*
systemd/.*	daemon/.*
ares\.h	sip/.*
wslay/.*	sip/.*
zlib\.h	cpm/inflate\.c
'

# What belongs to the C library and the kernel, and has no door.
system='(a(lloca|ssert)|byteswap|c(pio|type)|dirent|dlfcn|endian|errno|fcntl|features|fnmatch|ftw|getopt|glob|grp|ifaddrs|inttypes|langinfo|libgen|limits|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|search|semaphore|setjmp|shadow|signal|spawn|std(arg|atomic|align|bool|def|int|io|lib|noreturn)|strings?|syslog|termios|threads|time|uchar|ucontext|unistd|utime|wchar|wctype|wordexp)\.h|execinfo\.h|(arpa|asm|linux|net|netinet|sys)/[a-z0-9_/]+\.h'

sources()
{
	for dir in */; do
		case $dir in
		build*/ | _build/ | _inst/ | opencpm-*/ | autom4te.cache/ | m4/) continue ;;
		esac
		find "$dir" -name '*.[ch]' -type f
	done | sort
}

report=$(sources | xargs -r awk -v mode="$mode" -v rooms="$rooms" -v doors="$doors" \
	-v systemre="^($system)\$" '
function fault(text) {
	if (mode == "check")
		printf "%s:%d: %s\n", FILENAME, FNR, text
}
function room_of(path) {
	return substr(path, 1, index(path, "/") - 1)
}
function suffix_fits(path, edge) {
	return path ~ ("_" edge "\\.c$")
}
function check_own(path,    from, to, h) {
	from = room_of(FILENAME)
	to = room_of(path)
	if (path == "config.h")
		return
	if (!index(path, "/") || index(path, "..")) {
		fault("\"" path "\" is not written from the top (room/name.h)")
		return
	}
	if (!(to in may)) {
		fault("\"" path "\": no room \"" to "\" in the table of tests/check-includes.sh")
		return
	}
	if ((getline h < path) < 0)
		fault("\"" path "\" does not exist")
	close(path)
	if (from == to || !(from in may))
		return
	arrow[from, to]++
	if (may[from] !~ /\*/ && index(" " may[from] " ", " " to " ") == 0)
		fault("arrow backwards: " from "/ may not include " to "/ (\"" path "\")")
	else if (action[from] && (to == "http" || to == "sip" || to == "msrp") &&
		 !suffix_fits(FILENAME, to))
		fault(to "/ is met outside an adapter: only *_" to ".c of " from "/ may include \"" path "\"")
	if (path ~ /_priv\.h$/ && from != "tests" && from != "bench")
		fault("\"" path "\" is private to " to "/")
}
function check_system(path,    i) {
	if (path ~ systemre || FILENAME ~ /^(tests|bench)\//)
		return
	for (i = 1; i <= n_doors; i++)
		if (path ~ ("^(" door[i] ")$")) {
			if (FILENAME !~ ("^(" behind[i] ")$"))
				fault("<" path "> outside its door, " behind[i])
			return
		}
	fault("<" path "> has no door in the table of tests/check-includes.sh")
}
BEGIN {
	n = split(rooms, row, "\n")
	for (i = 1; i <= n; i++)
		if (split(row[i], field, "\t") == 3) {
			order[++n_rooms] = field[1]
			may[field[1]] = field[2]
			action[field[1]] = field[3] == "action"
		}
	n = split(doors, row, "\n")
	for (i = 1; i <= n; i++)
		if (split(row[i], field, "\t") == 2) {
			door[++n_doors] = field[1]
			behind[n_doors] = field[2]
		}
}
FNR == 1 {
	first = 1
	if (!(room_of(FILENAME) in may))
		fault("no room \"" room_of(FILENAME) "\" in the table of tests/check-includes.sh")
}
match($0, /^[ \t]*#[ \t]*include[ \t]*["<][^">]*[">]/) {
	text = substr($0, RSTART, RLENGTH)
	own = text ~ /"/
	sub(/^[^"<]*["<]/, "", text)
	sub(/[">].*$/, "", text)
	if (first && text != "config.h") {
		first = 0
		header = FILENAME
		if (sub(/\.c$/, ".h", header) && text != header && (getline h < header) >= 0)
			fault("its own header \"" header "\" does not come first")
		close(header)
	}
	if (own)
		check_own(text)
	else
		check_system(text)
}
END {
	if (mode == "dot")
		print "digraph rooms {\n\trankdir = BT"
	for (i = 1; i <= n_rooms && mode != "check"; i++) {
		line = ""
		for (j = 1; j <= n_rooms; j++) {
			count = arrow[order[i], order[j]]
			if (count && mode == "dot")
				printf "\t%s -> %s [label=%d]\n", order[i], order[j], count
			if (count)
				line = line sprintf(" %s(%d)", order[j], count)
		}
		if (mode == "text" && line != "")
			printf "%-10s ->%s\n", order[i], line
	}
	if (mode == "dot")
		print "}"
}')

if [ "$mode" != check ]; then
	printf '%s\n' "$report"
	exit 0
fi
failed=0
if [ -n "$report" ]; then
	printf '%s\n' "$report" >&2
	failed=1
fi
if [ -z "${SKIP_COMPILE-}" ]; then
	# The one library with a folder of its own whose header is part of ours (base/xml.h).
	CPPFLAGS="${CPPFLAGS-} $(pkg-config --cflags libxml-2.0 2>/dev/null)"
	for header in $(sources | grep '\.h$'); do
		# Twice, so that the guard is tried as well.
		printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
			${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror ${CPPFLAGS-} \
				-I. -fsyntax-only -x c - || {
			echo "$header:1: does not compile alone" >&2
			failed=1
		}
	done
fi
exit $failed
