"""Configuration that is wrong: the agent does not start, the PAM module denies, a running agent keeps what it had."""

import pytest

from host import CONFIG

TEST_CONFIG = "/root/tegata.conf"
KEY = "/root/host_key"


def check(host, text, before="true", environment=()):
    """`tegatad --check` with this configuration, after a root command."""
    host.write(TEST_CONFIG, text)
    host.sh(f"chown root:root {TEST_CONFIG}; chmod 644 {TEST_CONFIG}; {before}").ok()
    return host.run("env", *environment, "tegatad", "--check", "--config", TEST_CONFIG)


def refused_as(done, detail):
    return f" config_bad: the host's configuration is wrong: {detail}" in done.err


def test_a_good_one_passes(host):
    assert check(host, host.read(CONFIG)).ok().out == "OK\n"


@pytest.mark.parametrize("line, says", [
    ("[login]\nlease_second = 5", "key 'lease_second' in [login]: is not known"),
    ("[longin]", "the section is not known"),
    ("[login]\nlease_seconds = 5s", "key 'lease_seconds' in [login]: must be a whole number"),
    ("[login]\nlease_seconds = 0", "key 'lease_seconds' in [login]: must be 1 to 300"),
    ("[login]\ndeny_in = never", "key 'deny_in' in [login]: must be one of: both session"),
    ("[agent]\nsocket = agent.sock", "key 'socket' in [agent]: must be a path that begins with /"),
    ("[login]\nlease_seconds = 5\nlease_seconds = 6", "key 'lease_seconds' in [login]: is given twice"),
    ("[login]\nlease_seconds", "neither [SECTION] nor KEY = VALUE"),
    ("[login]\n lease_seconds = 5", "the line begins with a blank"),
])
def test_file_line_and_key_are_named(host, line, says):
    text = host.read(CONFIG).rstrip() + "\n" + line + "\n"
    number = len(text.splitlines())
    done = check(host, text).failed(1)
    assert refused_as(done, f"{TEST_CONFIG}:{number}: {says}"), done.describe()


@pytest.mark.parametrize("before, says", [
    (f"chmod g+w {TEST_CONFIG}", "others may write it (mode 0664); chmod go-w it"),
    (f"chmod o+w {TEST_CONFIG}", "others may write it (mode 0646); chmod go-w it"),
    (f"chown tegata {TEST_CONFIG}", "not to root; chown root it"),
    (f"rm {TEST_CONFIG}; mkdir {TEST_CONFIG}", "is not a regular file"),
    (f"rm {TEST_CONFIG}; mkfifo {TEST_CONFIG}", "is not a regular file"),
    (f"rm {TEST_CONFIG}", "cannot be opened: No such file or directory"),
])
def test_owner_and_mode_are_named(host, before, says):
    done = check(host, host.read(CONFIG), before).failed(1)
    host.sh(f"rm -rf {TEST_CONFIG}").ok()
    assert refused_as(done, f"{TEST_CONFIG}: ") and says in done.err, done.describe()


@pytest.mark.parametrize("before, says", [
    ("chmod 666 /root/root_signers", "/root/root_signers: must belong to root and be writable by nobody else"),
    ("chown tegata /root/root_signers", "/root/root_signers: must belong to root and be writable by nobody else"),
    ("rm /root/root_signers", "[trust] root_signers: /root/root_signers does not exist"),
])
def test_root_signers_that_others_could_write(host, before, says):
    text = host.read(CONFIG).replace("[trust]\n", "[trust]\nroot_signers = /root/root_signers\n")
    done = check(host, text, f"install -m 644 /etc/tegata/root_signers /root/root_signers; {before}").failed(1)
    assert refused_as(done, says), done.describe()


@pytest.mark.parametrize("before, accepted", [
    (f"chmod 600 {KEY}", True),
    (f"chmod 400 {KEY}", True),
    (f"chmod 440 {KEY}", False),
    (f"chmod 640 {KEY}", False),
    (f"chmod 604 {KEY}", False),
    (f"chgrp ssh_keys {KEY}; chmod 640 {KEY}", True),
    (f"chgrp ssh_keys {KEY}; chmod 644 {KEY}", False),
    (f"chgrp ssh_keys {KEY}; chmod 660 {KEY}", False),
    (f"chown daemon:ssh_keys {KEY}; chmod 640 {KEY}", False),
])
def test_the_host_key_is_the_hosts_alone(host, before, accepted):
    """Fedora has its keys in 0640 of root:ssh_keys."""
    host.keep("/etc/group")
    text = host.read(CONFIG) + f"\n[agent]\nhost_key = {KEY}\n"
    done = check(host, text, f"echo ssh_keys:x:990: >>/etc/group; install -m 600 /etc/ssh/ssh_host_ed25519_key {KEY}; {before}")
    assert_key(done, accepted, KEY)


@pytest.mark.parametrize("mode, accepted", [("400", True), ("440", True), ("444", False), ("460", False)])
def test_systemds_credential(host, mode, accepted):
    """A recent systemd shows what it loads as 0440 of root."""
    done = check(host, host.read(CONFIG), f"mkdir -p /root/creds; install -m {mode} /etc/ssh/ssh_host_ed25519_key /root/creds/host_key",
                 ["CREDENTIALS_DIRECTORY=/root/creds"])
    assert_key(done, accepted, "/root/creds/host_key")


def assert_key(done, accepted, path):
    if accepted:
        assert done.ok().out == "OK\n"
    else:
        assert refused_as(done.failed(1), f"[agent] host_key: {path}: others can read it"), done.describe()


@pytest.mark.parametrize("spoil", [
    "echo 'unknown = 1' >>{0}",
    "chmod o+w {0}",
    "chown daemon {0}",
    "rm {0}",
])
def test_pam_denies_and_the_agent_stays_as_it_is(host, ticket, spoil):
    """The helper asks the running agent; the module reads the file itself."""
    host.ssh().ok()
    host.keep(CONFIG)
    host.sh(spoil.format(CONFIG)).ok()
    host.mark()
    done = host.ssh().failed(255)
    assert "(config_bad)" in done.err, done.describe()
    host.refused("config_bad", "pam_tegata(sshd:account)", log="syslog")
    host.agent("reload").ok()
    host.logged("the old configuration stays")
    host.close()
    host.kept.clear()
    host.ssh().ok()


def test_the_agent_does_not_start_with_it(host):
    host.change(CONFIG, host.read(CONFIG) + "[login]\nunknown = 1\n")
    done = host.run("tegatad", "--stderr", "--config", CONFIG).failed(1)
    assert refused_as(done, f"{CONFIG}:") and "key 'unknown' in [login]" in done.err, done.describe()


def test_an_unknown_option_of_the_pam_line_denies(host, ticket):
    host.edit("/etc/pam.d/sshd", "account required pam_tegata.so$", "account required pam_tegata.so allow=alice")
    assert "(config_bad)" in host.ssh().failed(255).err
