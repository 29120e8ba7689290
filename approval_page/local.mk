# The approval page: installed as it is. docs/approval_page.md says who serves it.
APPROVAL_PAGE = \
	approval_page/api.js approval_page/app.js approval_page/bytes.js approval_page/canonical.js approval_page/code.js \
	approval_page/credentials.js approval_page/dialog.js approval_page/documents.js approval_page/elements.js \
	approval_page/enrolment.js approval_page/icon.svg approval_page/index.html approval_page/language.js approval_page/session.js \
	approval_page/sshsig.js approval_page/state.js approval_page/style.css approval_page/text_en.js approval_page/text_ja.js \
	approval_page/ticket.js approval_page/ticket_facts.js approval_page/ticket_progress.js approval_page/unusual.js \
	approval_page/view_certificate.js approval_page/view_invitation.js approval_page/view_keys.js approval_page/view_lists.js \
	approval_page/view_sessions.js approval_page/view_sign_in.js approval_page/view_ticket.js approval_page/waiting.js \
	approval_page/webauthn.js approval_page/words.js approval_page/words.txt
pagedir = $(datadir)/tegata/approval_page
dist_page_DATA = $(APPROVAL_PAGE) approval_page/config.json approval_page/words.LICENSE docs/approval_page.sha256
dist_doc_DATA += docs/approval_page.md
EXTRA_DIST += docs/pictures tests/page tests/unit/check_page_hashes

# config.json is the site's own and not in the list.
.PHONY: update-page-hashes
update-page-hashes:
	cd $(srcdir)/approval_page && sha256sum $(APPROVAL_PAGE:approval_page/%=%) >../docs/approval_page.sha256.new
	mv -f $(srcdir)/docs/approval_page.sha256.new $(srcdir)/docs/approval_page.sha256

TESTS += tests/unit/check_page_hashes
