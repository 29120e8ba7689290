"""Ways round the checkpoint: other means than a certificate, and an sshd that does not ask. PAM refuses them all.

Each test has a second sshd whose settings are wrong on purpose, beside the host's own."""

import pytest

from host import events
from lab import wait_until

AUTHORIZED_KEYS = "AuthorizedKeysFile /etc/ssh/keys/%u"
LOCAL_USER = "localuser:*:3002:3002::/tmp:/bin/sh"
BREAKGLASS = "breakglass:*:3000:3000::/tmp:/bin/sh"
PASSWORD_ONLY = ("-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1")


def certificate(host, person="alice"):
    return f"{host.lab.home(person)}/.ssh/id_ed25519-cert.pub"


def not_let_in(host, done, code):
    """The person reads the one code, and the log has it."""
    assert done.status != 0 and "let in" not in done.out, done.describe()
    assert f"({code}" in done.out + done.err, done.describe()
    host.refused(code)


def by_password(host, account):
    host.lab.write(f"{host.lab.home('alice')}/askpass", "#!/bin/sh\necho secret\n", owner="alice", mode="700")
    return host.other_ssh("alice", *PASSWORD_ONLY, account=account, command="echo let in",
                          environment={"SSH_ASKPASS": "./askpass", "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"})


def no_password(host, account):
    """The auth phase has no ear for it; without that line the account phase refuses."""
    host.mark()
    assert "Permission denied" in by_password(host, account).failed(255).err
    host.refused("certificate_missing", "pam_tegata(sshd:auth)", log="syslog")


def test_a_password_of_a_local_user(host):
    host.add_user(LOCAL_USER.replace("*", "x"))
    host.keep("/etc/shadow")
    host.run("chpasswd", stdin="localuser:secret\n").ok()
    host.other_sshd("PasswordAuthentication yes")
    no_password(host, "localuser")
    host.edit("/etc/pam.d/sshd", "^auth required pam_tegata.so$", "")
    not_let_in(host, by_password(host, "localuser"), "not_admitted")


def test_a_password_of_somebody_with_a_ticket(host, ticket):
    """alice has no password that pam_unix could accept; another module takes any."""
    host.other_sshd("PasswordAuthentication yes")
    assert "Permission denied" in by_password(host, "alice").failed(255).err
    host.edit("/etc/pam.d/sshd", "^@include common-auth$", "auth required pam_permit.so")
    no_password(host, "alice")
    host.edit("/etc/pam.d/sshd", "^auth required pam_tegata.so$", "")
    not_let_in(host, by_password(host, "alice"), "not_admitted")


@pytest.mark.parametrize("account", ["alice", "localuser"])
def test_authorized_keys(host, ticket, account):
    host.add_user(LOCAL_USER)
    host.other_sshd(AUTHORIZED_KEYS)
    key = host.plain_key()
    host.authorize(account, f"{key}.pub")
    not_let_in(host, host.other_ssh("alice", account=account, key=key, command="echo let in"), "not_admitted")


@pytest.mark.parametrize("principals", ["", "AuthorizedPrincipalsFile /etc/ssh/principals"])
def test_the_helper_is_taken_out(host, ticket, principals):
    """sshd is content with the account's name, or with a file, as principal."""
    host.run("tee", "/etc/ssh/principals", stdin="alice\n").ok()
    host.other_sshd(f"-AuthorizedPrincipalsCommand\n-AuthorizedPrincipalsCommandUser\n{principals}")
    done = host.other_ssh("alice", "-o", f"CertificateFile={certificate(host)}", key=host.plain_key(), command="echo let in")
    not_let_in(host, done, "not_admitted")


def test_a_principals_file_before_the_helper(host, ticket):
    """sshd reads the file first; the helper is not asked any more."""
    host.run("tee", "/etc/ssh/principals", stdin="alice\n").ok()
    host.other_sshd("AuthorizedPrincipalsFile /etc/ssh/principals")
    done = host.other_ssh("alice", "-o", f"CertificateFile={certificate(host)}", key=host.plain_key(), command="echo let in")
    not_let_in(host, done, "not_admitted")


def test_a_certificate_is_shown_and_a_plain_key_used(host, ticket):
    """ssh shows the certificate, which is admitted, but cannot sign: its key file is encrypted. Then the plain key is accepted."""
    host.other_sshd(AUTHORIZED_KEYS)
    home = host.lab.home("alice")
    host.lab.as_("alice", "sh", "-euc", "cp .ssh/id_ed25519 locked; ssh-keygen -q -p -P '' -N secret -f locked; cp .ssh/id_ed25519.pub "
                 "locked.pub; rm -f second second.pub; ssh-keygen -q -t ed25519 -N '' -f second").ok()
    host.authorize("alice", f"{home}/second.pub")
    done = host.other_ssh("alice", "-o", f"CertificateFile={certificate(host)}", "-i", f"{home}/second", key=f"{home}/locked",
                          command="echo let in")
    not_let_in(host, done, "certificate_missing")


def test_another_certificate_than_the_admitted_one(host, ticket):
    """sshd asks about one certificate for ever; alice has made another one on the same key. Nothing else is wrong with it."""
    words = host.lab.read(certificate(host)).split()
    command = f"/usr/libexec/tegata-principals --account=%u --key-type={words[0]} --certificate={words[1]}"
    host.other_sshd(f"AuthorizedPrincipalsCommand {command}")
    key = host.plain_key()
    host.lab.run("lab-certificate", "alice", environment={"KEY": f"{key}.pub"}).ok()
    other = ("-o", f"CertificateFile={key}-cert.pub")
    not_let_in(host, host.other_ssh("alice", *other, key=key, command="echo let in"), "certificate_not_admitted")
    admitted = ("-o", f"CertificateFile={certificate(host)}")
    assert host.other_ssh("alice", *admitted, key=key, command="echo let in").ok().out == "let in\n"


def test_a_refused_connection_does_not_stay(host, ticket):
    """ssh -N asks for no session channel: sshd alone would keep it open."""
    words = host.lab.read(certificate(host)).split()
    command = f"/usr/libexec/tegata-principals --account=%u --key-type={words[0]} --certificate={words[1]}"
    host.other_sshd(f"AuthorizedPrincipalsCommand {command}")
    key = host.plain_key()
    host.lab.run("lab-certificate", "alice", environment={"KEY": f"{key}.pub"}).ok()
    host.other_ssh("alice", "-N", "-o", f"CertificateFile={key}-cert.pub", key=key).failed(255)
    host.refused("certificate_not_admitted", ": session: ")


def test_an_exempt_account_is_left_alone_and_recorded(host, host_lab):
    host.configure(exempt_accounts="breakglass")
    host.add_user(BREAKGLASS)
    host.other_sshd(AUTHORIZED_KEYS)
    key = host.plain_key()
    host.authorize("breakglass", f"{key}.pub")
    before = len(exempt_logins(host_lab))
    assert host.other_ssh("alice", account="breakglass", key=key, command="id -un").ok().out == "breakglass\n"
    host.logged("exempt login: account breakglass, from 10.77.0.101")
    wait_until(lambda: len(exempt_logins(host_lab)) == before + 1, "the event")
    assert exempt_logins(host_lab)[-1]["account"] == "breakglass"


def exempt_logins(lab):
    return [event for event in events(lab) if event["kind"] == "exempt_login"]


def test_a_roster_name_is_never_exempt(host, ticket):
    host.configure(exempt_accounts="alice")
    host.other_sshd(AUTHORIZED_KEYS)
    key = host.plain_key()
    host.authorize("alice", f"{key}.pub")
    not_let_in(host, host.other_ssh("alice", key=key, command="echo let in"), "not_admitted")
    host.edit("/etc/pam.d/sshd", "required pam_tegata.so$", "required pam_tegata.so exempt=alice")
    not_let_in(host, host.other_ssh("alice", key=key, command="echo let in"), "not_admitted")
