# SPDX-License-Identifier: BSD-2-Clause
#
# Makes a man page from man/NAME.SECTION.in. A line of its own that reads
#
#   @OPTIONS path/to/options.def@   becomes the list of a program's options
#   @KEYS path/to/config.def@       becomes the list of a file's keys, by section
#   @REASONS@                       becomes the list of all reason codes
#
# and anywhere in a line the names given with -v (sysconfdir, libexecdir, pamdir, unitdir, version) are replaced where they stand between
# two @. The tables are those that the programs are compiled from, so a page cannot say otherwise than --help does. -v srcdir= is where their paths begin.

function fail(what)
{
	print FILENAME ":" FNR ": " what > "/dev/stderr"
	failed = 1
	exit 1
}

# Text for a page: no line over 78 bytes, each sentence on a line of its own, and nothing at the start of a line that would be taken for a macro.
function fill(text,    count, words, i, line, result)
{
	gsub(/\\/, "\\e", text)
	count = split(text, words, " ")
	line = ""
	result = ""
	for (i = 1; i <= count; i++) {
		if (line != "" && length(line) + length(words[i]) >= 78) {
			result = result line "\n"
			line = ""
		}
		if (line == "" && words[i] ~ /^[.']/)
			words[i] = "\\&" words[i]
		line = line (line == "" ? "" : " ") words[i]
		if (words[i] ~ /[.!?]$/ && i < count && words[i + 1] ~ /^[A-Z]/) {
			result = result line "\n"
			line = ""
		}
	}
	return result line
}

# Splits the arguments of NAME(...) into arguments[1..n]: C strings (with neighbours joined), single characters and bare words.
function split_arguments(line, arguments,    count, rest, string, bare)
{
	sub(/^[A-Z_]+\(/, "", line)
	count = 0
	rest = line
	string = ""
	bare = ""
	while (rest != "") {
		if (match(rest, /^"([^"\\]|\\.)*"/)) {
			string = string unquote(substr(rest, 2, RLENGTH - 2))
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^'[^']'/)) {
			string = string substr(rest, 2, 1)
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^[A-Za-z0-9_-]+/)) {
			bare = substr(rest, 1, RLENGTH)
			string = string (bare in constant ? constant[bare] : bare)
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^[ \t]+/)) {
			rest = substr(rest, RLENGTH + 1)
		} else if (substr(rest, 1, 1) == ",") {
			arguments[++count] = string
			string = ""
			rest = substr(rest, 2)
		} else if (rest ~ /^\)[ \t]*$/) {
			arguments[++count] = string
			return count
		} else {
			fail("cannot read: " line)
		}
	}
	fail("an entry must stand on one line: " line)
}

function unquote(text)
{
	gsub(/\\"/, "\"", text)
	gsub(/\\\\/, "\\", text)
	return text
}

function option_item(letter, name, argument, help)
{
	printf ".It "
	if (letter != "" && letter != "0")
		printf "Fl %s , ", letter
	printf "Fl Fl %s", name
	if (argument != "")
		printf " Ar %s", argument
	printf "\n%s\n", fill(help)
}

function options(path,    line, arguments)
{
	print ".Bl -tag -width Ds"
	while ((status = (getline line < path)) > 0) {
		if (line !~ /^OPTION\(/)
			continue
		if (split_arguments(line, arguments) != 4)
			fail(path ": OPTION takes 4 arguments: " line)
		option_item(arguments[1], arguments[2], arguments[3], arguments[4])
	}
	if (status < 0)
		fail("cannot read " path)
	close(path)
	option_item("h", "help", "", "Show a help text and exit.")
	option_item("V", "version", "", "Show the version and exit.")
	print ".El"
}

function key_item(kind, arguments, count,    fallback, argument)
{
	argument = "text"
	if (kind == "KEY_PATH") argument = "path"
	if (kind == "KEY_LIST") argument = "words"
	if (kind == "KEY_NUMBER") argument = "number"
	if (kind == "KEY_BOOLEAN") argument = "yes|no"
	if (kind == "KEY_CHOICE") {
		argument = arguments[4]
		gsub(/ /, "|", argument)
	}
	fallback = arguments[3]
	print ".It Cm " arguments[2] " = Ar " argument
	print fill(arguments[count])
	if (kind == "KEY_NUMBER")
		print "From " arguments[4] " to " arguments[5] "."
	if (fallback == "NULL")
		print "Required."
	else if (fallback == "")
		print "Default: empty."
	else
		print "Default:\n.Dq " fallback "."
}

function keys(path,    line, arguments, count, kind, section)
{
	section = ""
	while ((status = (getline line < path)) > 0) {
		if (line !~ /^KEY_[A-Z]+\(/)
			continue
		kind = line
		sub(/\(.*/, "", kind)
		count = split_arguments(line, arguments)
		if (count != (kind == "KEY_NUMBER" ? 6 : kind == "KEY_CHOICE" ? 5 : 4))
			fail(path ": wrong number of arguments: " line)
		if (arguments[1] != section) {
			if (section != "")
				print ".El"
			section = arguments[1]
			print ".Ss [" section "]\\&"
			print ".Bl -tag -width Ds"
		}
		key_item(kind, arguments, count)
	}
	if (status < 0)
		fail("cannot read " path)
	close(path)
	if (section == "")
		fail(path ": no keys")
	print ".El"
}

function reasons(path,    line, arguments, advice)
{
	print ".Bl -tag -width Ds"
	while ((status = (getline line < path)) > 0) {
		if (line !~ /^REASON\(/)
			continue
		if (split_arguments(line, arguments) != 4)
			fail(path ": REASON takes 4 arguments: " line)
		if (arguments[1] == "allowed")
			continue
		advice = arguments[4]
		print ".It Er " arguments[1] " Pq " arguments[2]
		print fill(toupper(substr(arguments[3], 1, 1)) substr(arguments[3], 2) ".")
		print fill(toupper(substr(advice, 1, 1)) substr(advice, 2) (advice ~ /\.$/ ? "" : "."))
	}
	if (status < 0)
		fail("cannot read " path)
	close(path)
	print ".El"
}

BEGIN {
	constant["TG_CONFIG_DIR"] = sysconfdir "/tegata"
	constant["TG_RUNTIME_DIR"] = "/run/tegata"
	constant["TG_STATE_DIR"] = "/var/lib/tegata"
	constant["TG_LIBEXEC_DIR"] = libexecdir
}

/^@OPTIONS [^@]*@$/ { options(srcdir "/" substr($2, 1, length($2) - 1)); next }
/^@KEYS [^@]*@$/ { keys(srcdir "/" substr($2, 1, length($2) - 1)); next }
/^@REASONS@$/ { reasons(srcdir "/lib/reason.def"); next }
{
	gsub(/@sysconfdir@/, sysconfdir)
	gsub(/@libexecdir@/, libexecdir)
	gsub(/@pamdir@/, pamdir)
	gsub(/@unitdir@/, unitdir)
	gsub(/@version@/, version)
	if ($0 ~ /@[A-Za-z]+( [^@]*)?@/)
		fail("not known: " $0)
	print
}
