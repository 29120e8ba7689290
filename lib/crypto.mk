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
