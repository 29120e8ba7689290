# Keys, certificates, signatures, signers.
libtegata_la_SOURCES += \
	lib/armor.c lib/armor.h \
	lib/certificate.c \
	lib/client_data.c \
	lib/ed25519_point.c lib/ed25519_point.h \
	lib/key_parts.h \
	lib/mpint.c lib/mpint.h \
	lib/openssh_private_key.c lib/openssh_private_key.h \
	lib/public_key.c \
	lib/request_auth.c \
	lib/signer.c \
	lib/ssh_agent.c lib/ssh_agent.h \
	lib/ssh_keygen.c lib/ssh_keygen.h \
	lib/ssh_signature.c lib/ssh_signature_make.c lib/ssh_signature.h \
	lib/sshsig.c \
	lib/webauthn.c

# --- Test vectors: tests/vectors/check DIR... judges any folder of their layout ----------------------------------------------------------
noinst_PROGRAMS += tests/vectors/check
tests_vectors_check_SOURCES = tests/vectors/check.c tests/vectors/vectors.h tests/vectors/material.c \
	tests/vectors/certificate_vectors.c tests/vectors/ssh_vectors.c tests/vectors/webauthn_vectors.c
tests_vectors_check_CFLAGS = $(AM_CFLAGS) $(LIBTEGATA_CFLAGS)
tests_vectors_check_LDADD = libtegata.la $(JANSSON_LIBS) $(OPENSSL_LIBS)
TESTS += tests/vectors/run
EXTRA_DIST += tests/vectors/run tests/vectors/ssh tests/vectors/webauthn

# --- A security key in software: build/tests/security_key/.libs/tg_sk_provider.so, for ssh-keygen -w and ssh -o SecurityKeyProvider=. Never
# with sanitizers or hidden behind our own flags: programs of OpenSSH load it.
noinst_LTLIBRARIES += tests/security_key/tg_sk_provider.la
tests_security_key_tg_sk_provider_la_SOURCES = tests/security_key/tg_sk_provider.c
tests_security_key_tg_sk_provider_la_CFLAGS = -std=gnu17 -Wall -Wextra -Wconversion -Wshadow -fvisibility=hidden $(OPENSSL_CFLAGS)
tests_security_key_tg_sk_provider_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests_security_key_tg_sk_provider_la_LIBADD = $(OPENSSL_LIBS)
