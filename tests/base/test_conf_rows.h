/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/base/test_conf_rows.h - what is wrong, and the whole of what is said about it
 *
 * Rows of test_conf.c's table of faults.
 */
{ "a misspelt name", "a:\n  cuont: 5\n",
  "f:2:3: unknown setting \"cuont\"; did you mean \"a.count\"?\n" },
{ "a misspelt section", "aa: {on: yes}\nnte: {}\n",
  "f:1:1: unknown setting \"aa\"; here may stand: a, net\n"
  "f:2:1: unknown setting \"nte\"; did you mean \"net\"?\n" },
{ "a name of another section", "colour: red\n",
  "f:1:1: unknown setting \"colour\"; did you mean \"a.b.colour\"? write it below "
  "\"a.b:\"\n" },
{ "a name of nothing", "a:\n  zebra-stripes: 5\n",
  "f:2:3: unknown setting \"zebra-stripes\"; here may stand: on, count, wide, size, "
  "free-size, time, b\n" },
{ "a dotted name", "a.count: 5\n",
  "f:1:1: unknown setting \"a.count\"; write each part of a name on a line of its own, "
  "indented below the one before\n" },
{ "a merge", "a:\n  <<: {count: 5}\n",
  "f:2:3: a merge (\"<<\"); write the settings out\n" },
{ "a hostile name", "\"\\x1b[31m\\n\": 5\n",
  "f:1:1: unknown setting \"\\x1b[31m\\x0a\"; here may stand: a, net\n" },
{ "a long name is cut",
  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 1\n",
  "f:1:1: unknown setting \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"; here may "
  "stand: a, net\n" },
{ "an empty name", "\"\": 1\n",
  "f:1:1: unknown setting \"\"; here may stand: a, net\n" },
{ "a word for a number", "a:\n  count: many\n",
  "f:2:10: a.count is \"many\", which is no number; write a whole number\n" },
{ "a number with unit", "a:\n  count: 5 s\n",
  "f:2:10: a.count is \"5 s\", but is a whole number without unit; write digits only\n" },
{ "a fraction", "a:\n  count: 1.5\n",
  "f:2:10: a.count is \"1.5\", but is a whole number without unit; write digits only\n" },
{ "an octal number", "a:\n  count: 010\n",
  "f:2:10: a.count is \"010\", with a zero in front; write the number without it\n" },
{ "a minus alone", "a:\n  count: '-'\n",
  "f:2:10: a.count is \"-\", which is no number; write a whole number\n" },
{ "below the bounds", "a:\n  count: -6\n",
  "f:2:10: a.count is \"-6\", less than allowed; give -5 to 100\n" },
{ "above the bounds", "a:\n  count: 101\n",
  "f:2:10: a.count is \"101\", more than allowed; give -5 to 100\n" },
{ "over 64 bits", "a:\n  wide: 9223372036854775808\n",
  "f:2:9: a.wide is \"9223372036854775808\", more than allowed; give a smaller number\n" },
{ "far over 64 bits", "a:\n  count: -99999999999999999999999\n",
  "f:2:10: a.count is \"-99999999999999999999999\", less than allowed; give -5 to 100\n" },
{ "a size with an unknown unit", "a:\n  size: 64 PB\n",
  "f:2:9: a.size is \"64 PB\", but \"PB\" is no unit; use B, kB, MB, GB or TB\n" },
{ "a size in megabits", "a:\n  size: 64 Mb\n",
  "f:2:9: a.size is \"64 Mb\", but \"Mb\" is no unit; use B, kB, MB, GB or TB\n" },
{ "a size above its bounds", "a:\n  size: 2 GB\n",
  "f:2:9: a.size is \"2 GB\", more than allowed; give 1 kB to 1 GB\n" },
{ "a size that overflows", "a:\n  free-size: 8388608 TB\n",
  "f:2:14: a.free-size is \"8388608 TB\", more than allowed; give a smaller number\n" },
{ "a size far over 64 bits", "a:\n  size: 99999999999999999999 GB\n",
  "f:2:9: a.size is \"99999999999999999999 GB\", more than allowed; give 1 kB to 1 GB\n" },
{ "a negative size", "a:\n  size: -1 MB\n",
  "f:2:9: a.size is \"-1 MB\", which is no number; write a size, such as 64 MB\n" },
{ "a size with a fraction", "a:\n  size: 1.5 GB\n",
  "f:2:9: a.size is \"1.5 GB\", but must be whole; use a smaller unit of B, kB, MB, GB "
  "or TB\n" },
{ "a time without unit", "a:\n  time: 500\n",
  "f:2:9: a.time is \"500\" without a unit; write ms, s, min, h or d behind the "
  "number\n" },
{ "a time with an unknown unit", "a:\n  time: 80a\n",
  "f:2:9: a.time is \"80a\", but \"a\" is no unit; use ms, s, min, h or d\n" },
{ "a time in m, which is two things", "a:\n  time: 5 m\n",
  "f:2:9: a.time is \"5 m\", but \"m\" is no unit; use ms, s, min, h or d\n" },
{ "a time below its bounds", "a:\n  time: 999 ms\n",
  "f:2:9: a.time is \"999 ms\", less than allowed; give 1 s to 1 h\n" },
{ "a time that overflows", "a:\n  time: 106751991168 d\n",
  "f:2:9: a.time is \"106751991168 d\", more than allowed; give 1 s to 1 h\n" },
{ "no switch", "a:\n  on: 1\n",
  "f:2:7: a.on is \"1\", but is a switch; write yes or no\n" },
{ "no choice", "a:\n  b:\n    colour: pink\n",
  "f:3:13: a.b.colour is \"pink\"; write red, green or blue\n" },
{ "a text too long", "a:\n  b:\n    name: 12345678901\n",
  "f:3:11: a.b.name has 11 octets; give 0 to 10\n" },
{ "a control character by escape", "a:\n  b:\n    name: \"a\\nb\"\n",
  "f:3:11: a.b.name holds the control character 0x0a; write it in one line without "
  "escapes\n" },
{ "a NUL by escape", "net:\n  path: \"a\\0b\"\n",
  "f:2:9: net.path holds the control character 0x00; write it in one line without "
  "escapes\n" },
{ "an address by name", "net:\n  address: localhost\n",
  "f:2:12: net.address is \"localhost\", which is no numeric address; write one such "
  "as 127.0.0.1 or \"::1\", without port and brackets\n" },
{ "an address with port", "net:\n  address: 127.0.0.1:80\n",
  "f:2:12: net.address is \"127.0.0.1:80\", which is no numeric address; write one "
  "such as 127.0.0.1 or \"::1\", without port and brackets\n" },
{ "an address in brackets", "net:\n  address: [::1]\n",
  "f:2:12: net.address is a list, but must be a numeric IPv4 or IPv6 address; write "
  "\"address: VALUE\" in one line\n"
  "f:2:13: a value is missing or begins with a sign; put the value in quotes\n" },
{ "an address with a NUL", "net:\n  address: \"127.0.0.1\\0\"\n",
  "f:2:12: net.address is \"127.0.0.1\\x00\", which is no numeric address; write one "
  "such as 127.0.0.1 or \"::1\", without port and brackets\n" },
{ "a home folder", "net:\n  path: ~/x\n",
  "f:2:9: net.path is \"~/x\", but \"~\" stands for nobody here; write the whole path\n" },
{ "no value", "a:\n  count:\n  b:\n    name:\nnet:\n  doors:\n",
  "f:2:9: a.count has no value; give it one, or leave the line out for the default\n"
  "f:4:10: a.b.name has no value; give it one, or \"\" for the empty text, or leave "
  "the line out for the default\n"
  "f:6:9: net.doors has no value; give it one, or \"[]\" for none, or leave the line "
  "out for the default\n" },
{ "null", "a:\n  count: ~\n  size: null\n",
  "f:2:10: a.count has no value; give it one, or leave the line out for the default\n"
  "f:3:9: a.size has no value; give it one, or leave the line out for the default\n" },
{ "a map for a scalar", "a:\n  count:\n    x: 1\n",
  "f:3:5: a.count is a map, but must be a whole number; write \"count: VALUE\" in one "
  "line\n" },
{ "a list for a scalar", "a:\n  count: [1]\n",
  "f:2:10: a.count is a list, but must be a whole number; write \"count: VALUE\" in "
  "one line\n" },
{ "a scalar for a section", "a: 5\n",
  "f:1:4: a is a section, not a single value; write its settings below it as \"name: "
  "value\", indented, without \"- \"\n" },
{ "a list for a section", "a:\n  - count: 5\n",
  "f:2:3: a is a section, not a list; write its settings below it as \"name: value\", "
  "indented, without \"- \"\n" },
{ "a scalar for a list", "net:\n  doors: 5\n",
  "f:2:10: net.doors is a single value, but must be a list; begin each entry with \"- "
  "\"\n" },
{ "a map for a list", "net:\n  doors:\n    address: 10.0.0.1\n",
  "f:3:5: net.doors is a map, but must be a list; begin each entry with \"- \"\n" },
{ "a scalar for a list's entry", "net:\n  doors:\n    - 10.0.0.1\n",
  "f:3:7: an entry of net.doors is a single value, but must be a map; write \"- "
  "address: VALUE\" and its other settings below\n" },
{ "an entry without its mandatory setting", "net:\n  doors:\n    - port: 5\n",
  "f:3:7: net.doors.address must be given; add \"address: VALUE\" (a numeric IPv4 or "
  "IPv6 address)\n" },
{ "an unknown name in an entry", "net:\n  doors:\n    - address: 10.0.0.1\n      prot: 5\n",
  "f:4:7: unknown setting \"prot\"; did you mean \"net.doors.port\"?\n" },
{ "a fault in an entry's section",
  "net:\n  doors:\n    - address: 10.0.0.1\n      tls: {token: \"a\\tb\"}\n",
  "f:4:20: net.doors.tls.token holds the control character 0x09; write it in one line "
  "without escapes\n" },
{ "too many entries",
  "net:\n  doors: [{address: 1.1.1.1}, {address: 1.1.1.1}, {address: 1.1.1.1}, "
  "{address: 1.1.1.1}]\n",
  "f:2:10: net.doors has 4 entries; give 0 to 3\n" },
{ "a secret as a map of something else", "net:\n  secret:\n    fle: x\n",
  "f:3:5: net.secret is a map, but must be a secret; write \"file: PATH\" below it, "
  "and nothing else\n" },
{ "a secret as a list", "net:\n  secret: [hush]\n",
  "f:2:11: net.secret is a list, but must be a secret; write \"secret: VALUE\" in one "
  "line\n" },
{ "a secret too long is not quoted",
  "net:\n  secret: hushhushhushhushhushhushhushhushhushhushhushhushhushhushhushhush1\n",
  "f:2:11: net.secret has 65 octets; give 0 to 64\n" },
{ "a secret's file that is not there", "net:\n  secret: {file: /nonexistent/secret}\n",
  "f:2:18: cannot read /nonexistent/secret: No such file or directory; check the path, "
  "or create the file\n" },
{ "a setting twice", "a:\n  count: 1\n  on: yes\n  count: 2\n",
  "f:4:3: a.count stands here and in line 2; keep one of them\n" },
{ "a section twice", "a:\n  count: 1\nnet: {}\na:\n  on: no\n",
  "f:4:1: a stands here and in line 1; keep one of them\n" },
{ "a list at the top", "- a\n- b\n",
  "f:1:1: the file is a list, but must be a map; write settings as \"name: value\", "
  "one a line\n" },
{ "a word at the top", "hello\n",
  "f:1:1: the file is a single value, but must be a map; write settings as \"name: "
  "value\", one a line\n" },
{ "an anchor and its alias", "a:\n  count: &x 5\n  wide: *x\n",
  "f:2:10: an anchor (\"x\"); write the value out wherever it is needed\n"
  "f:3:9: an alias (\"*\"); write the value out, or put it in quotes\n" },
{ "a tag", "a:\n  count: !!int 5\n",
  "f:2:10: a tag (\"tag:yaml.org,2002:int\"); leave it out, each setting knows its "
  "type\n" },
{ "a tag on a map", "a: !foo\n  count: 5\n",
  "f:1:4: a tag (\"!foo\"); leave it out, each setting knows its type\n" },
{ "a TAG directive", "%TAG ! tag:x,2000:\n---\na: {}\n",
  "f:1:1: a \"%TAG\" line; leave it out, each setting knows its type\n" },
{ "a YAML directive of the future", "%YAML 3.0\n---\na: {}\n",
  "f:1:1: a YAML version that is not known; remove the line that begins with "
  "\"%YAML\"\n" },
{ "an unknown directive", "%FOO\n---\n",
  "f:1:5: a line that begins with \"%\"; remove it, or put the value in quotes\n" },
{ "a second document", "a:\n  count: 5\n---\na:\n  count: 6\n",
  "f:3:1: a second document; remove the \"---\", or put what follows into a file of "
  "the drop-in folder\n" },
{ "a map as a name", "{a: 1}: 2\n",
  "f:1:1: a list or map where a setting's name is expected; write \"name: value\", and "
  "a value that begins with \"[\" or \"{\" in quotes\n" },
{ "a list as a name", "? [a]\n: 2\n",
  "f:1:3: a list or map where a setting's name is expected; write \"name: value\", and "
  "a value that begins with \"[\" or \"{\" in quotes\n" },
{ "a tab in the indentation", "a:\n\tcount: 5\n",
  "f:2:1: a tab in the indentation; indent with spaces\n" },
{ "a tab deeper", "a:\n  b:\n\t  name: x\n",
  "f:3:1: a tab in the indentation; indent with spaces\n" },
{ "indented too little", "a:\n    count: 5\n  on: yes\n",
  "f:3:3: this does not line up with what stands around it; indent what belongs "
  "together by the same number of spaces\n" },
{ "indented too much", "a:\n  count: 5\n    on: yes\n",
  "f:2:10: a.count is \"5 on\", but is a whole number without unit; write digits only\n"
  "f:3:7: a \":\" where no setting can begin; check the indentation, and put a value "
  "that holds \": \" or ends in \":\" in quotes\n" },
{ "a list indented too little",
  "net:\n  doors:\n    - address: 1.1.1.1\n   - address: 1.1.1.1\n",
  "f:4:4: this does not line up with what stands around it; indent what belongs "
  "together by the same number of spaces\n" },
{ "indented behind the top", "  a:\n    on: yes\nnet:\n",
  "f:3:1: this is no part of the settings above; begin the line with a setting's name, "
  "and indent nothing at the top\n" },
{ "no colon", "a:\n  count 5\n  on: yes\n",
  "f:2:3: a is a section, not a single value; write its settings below it as \"name: "
  "value\", indented, without \"- \"\n"
  "f:3:5: a \":\" where no setting can begin; check the indentation, and put a value "
  "that holds \": \" or ends in \":\" in quotes\n" },
{ "a colon too many", "a:\n  count: 5: 6\n",
  "f:2:11: a \":\" where no setting can begin; check the indentation, and put a value "
  "that holds \": \" or ends in \":\" in quotes\n" },
{ "a colon at the end of an address", "net:\n  address: ::\n",
  "f:2:12: net.address is \":\", which is no numeric address; write one such as "
  "127.0.0.1 or \"::1\", without port and brackets\n"
  "f:2:13: a \":\" where no setting can begin; check the indentation, and put a value "
  "that holds \": \" or ends in \":\" in quotes\n" },
{ "a list on the name's line", "net:\n  doors: - address: 1.1.1.1\n",
  "f:2:10: a list cannot begin here; write \"- \" on a line of its own below the "
  "setting's name\n" },
{ "double quotes that are not closed", "a:\n  b:\n    name: \"x\n  count: 5\n",
  "f:3:11: quotes that are not closed; close them (noticed at line 5, column 1)\n" },
{ "single quotes that are not closed", "a:\n  b:\n    name: 'x\n---\n",
  "f:3:11: quotes that are not closed; close them (noticed at line 4, column 1)\n" },
{ "a bracket that is not closed", "net:\n  doors: [{address: 1.1.1.1}\na:\n  on: yes\n",
  "f:2:10: a \"[\" that is not closed; put \",\" between the entries and \"]\" behind "
  "the last (noticed at line 3, column 1)\n" },
{ "a brace that is not closed", "net: {path: x\na:\n  on: yes\n",
  "f:1:6: a \"{\" that is not closed; put \",\" between the settings and \"}\" behind "
  "the last (noticed at line 2, column 2)\n" },
{ "an unknown escape", "net:\n  path: \"C:\\dir\"\n",
  "f:2:12: \"\\\" with a character that has no such form; write \"\\\\\" for a "
  "backslash, or use single quotes\n" },
{ "a short escape", "net:\n  path: \"\\xz1\"\n",
  "f:2:12: \"\\x\" or \"\\u\" without its hexadecimal digits; write \"\\\\\" for a "
  "backslash, or use single quotes\n" },
{ "an escape that is no character", "net:\n  path: \"\\ud800\"\n",
  "f:2:12: an escape that is no character; write the character itself, in UTF-8\n" },
{ "an at sign", "a:\n  b:\n    name: @x\n",
  "f:3:11: a value cannot begin with \"@\"; put it in quotes\n" },
{ "a backtick", "a:\n  b:\n    name: `x`\n",
  "f:3:11: a value cannot begin with \"`\"; put it in quotes\n" },
{ "a percent sign", "a:\n  b:\n    name: %x\n",
  "f:3:11: a value cannot begin with \"%\"; put it in quotes\n" },
{ "a star", "a:\n  b:\n    name: * x\n",
  "f:3:12: a \"&\" or \"*\" that is no part of a value; put the value in quotes\n" },
{ "an ampersand", "a:\n  b:\n    name: & x\n",
  "f:3:12: a \"&\" or \"*\" that is no part of a value; put the value in quotes\n" },
{ "an exclamation mark", "a:\n  b:\n    name: !<x y\n",
  "f:3:14: a \"!\" that is no part of a value; put the value in quotes\n" },
{ "text in a block's heading", "a:\n  b:\n    name: | x\n",
  "f:3:13: text behind \"|\" or \">\"; put the value in quotes\n" },
{ "latin-1", "a:\n  b:\n    # Zo\353\n",
  "f:3:9: octet 0xeb is not UTF-8; save the file as UTF-8\n" },
{ "a character cut short at the end", "a: {} # \303",
  "f:1:9: octet 0xc3 is not UTF-8; save the file as UTF-8\n" },
{ "an overlong character", "a:\n  \300\257: 1\n",
  "f:2:3: octet 0xc0 is not UTF-8; save the file as UTF-8\n" },
{ "a surrogate", "# \355\240\200\n",
  "f:1:3: octet 0xed is not UTF-8; save the file as UTF-8\n" },
{ "a control character", "a:\n  on: yes\007\n",
  "f:2:10: control character U+0007; remove it\n" },
{ "a NUL is written as an escape here: DEL", "a:\n  on: yes\177\n",
  "f:2:10: control character U+007F; remove it\n" },
{ "UTF-16", "\377\376a\000:\000",
  "f:1:1: the file is UTF-16; save it as UTF-8\n" },
{ "a byte order mark in the middle", "a:\n  on: \357\273\277yes\n",
  "f:2:7: control character U+FEFF; remove it\n" },
{ "columns count characters", "a: {b: {name: \303\253\303\253\303\253, colour: pink}}\n",
  "f:1:28: a.b.colour is \"pink\"; write red, green or blue\n" },
{ "too deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
  "f:1:1: the file is a list, but must be a map; write settings as \"name: value\", "
  "one a line\n"
  "f:1:17: more than 16 maps and lists within each other; no setting stands so deep, "
  "check the indentation and brackets\n" },
{ "too deep as maps",
  "a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: "
  "1}}}}}}}}}}}}}}}}\n",
  "f:1:9: unknown setting \"c\"; here may stand: name, colour\n"
  "f:1:64: more than 16 maps and lists within each other; no setting stands so deep, "
  "check the indentation and brackets\n" },
{ "all at once, in order",
  "net:\n  address: here\na:\n  count: 1000\n  size: 5 PB\n  nope: 1\nb: 1\n",
  "f:2:12: net.address is \"here\", which is no numeric address; write one such as "
  "127.0.0.1 or \"::1\", without port and brackets\n"
  "f:4:10: a.count is \"1000\", more than allowed; give -5 to 100\n"
  "f:5:9: a.size is \"5 PB\", but \"PB\" is no unit; use B, kB, MB, GB or TB\n"
  "f:6:3: unknown setting \"nope\"; here may stand: on, count, wide, size, free-size, "
  "time, b\n"
  "f:7:1: unknown setting \"b\"; here may stand: a, net\n" },
{ "what stands before a fault of syntax", "a:\n  count: 1000\n  on: [\n",
  "f:2:10: a.count is \"1000\", more than allowed; give -5 to 100\n"
  "f:3:7: a.on is a list, but must be yes or no; write \"on: VALUE\" in one line\n"
  "f:4:1: a value is missing or begins with a sign; put the value in quotes\n" },
