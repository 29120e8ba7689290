# SPDX-License-Identifier: BSD-2-Clause
#
# Makes the C table of approval_page/words.txt: exactly 2048 different words, sorted, of 2 to 12 small letters, so that six of them
# with their hyphens fit into TG_CODE_WORDS_SIZE.

function fail(what)
{
	print FILENAME ":" FNR ": " what > "/dev/stderr"
	failed = 1
	exit 1
}

BEGIN {
	print "/* Made by lib/code_words.awk from approval_page/words.txt. */"
	print "#include \"lib/code_words.h\""
	print ""
	print "const char *const tg_code_word_table[TG_CODE_WORD_COUNT] = {"
}

/^#/ || /^$/ { next }
length($0) < 2 || length($0) > 12 || !/^[a-z]+$/ { fail("no word of 2 to 12 small letters: " $0) }
$0 "" <= last "" { fail("not sorted, or there twice: " $0) }
{
	last = $0
	count++
	print "    \"" $0 "\","
}

END {
	if (failed)
		exit 1
	if (count != 2048)
		fail(count " words instead of 2048")
	print "};"
}
