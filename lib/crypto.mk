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
