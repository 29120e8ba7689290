# Keys, certificates, signatures, signers.
libtegata_la_SOURCES += \
	lib/armor.c lib/armor.h \
	lib/certificate.c \
	lib/client_data.c \
	lib/ed25519_point.c lib/ed25519_point.h \
	lib/key_parts.h \
	lib/mpint.c lib/mpint.h \
	lib/public_key.c \
	lib/ssh_signature.c lib/ssh_signature.h \
	lib/sshsig.c \
	lib/webauthn.c
