// SPDX-License-Identifier: BSD-2-Clause
// What an approver should not overlook. Everything but `first_time` comes from the ticket's bytes and the clock.

const HOURS = { begins: 8, ends: 19 };
const LONG_SECONDS = 4 * 3600;
const MANY_HOSTS = 4;
const WIDE_ROLES = /^(all|any|root|admin|administrators?|wheel|sudo|superuser)$/;
const WIDE_ROLE_COUNT = 3;
// Unix groups whose members are root, or as good as.
const WIDE_GROUPS = /^(root|wheel|sudo|admin|adm|disk|kmem|shadow|docker|podman|lxd|incus|libvirt|systemd-journal)$/;
const REACHED = new Set(["approved", "active", "released", "expired", "exhausted", "revoked"]);

// In the reader's own time zone: they know when their office is open.
function outsideHours(date) {
  const day = date.getDay();
  return day === 0 || day === 6 || date.getHours() < HOURS.begins || date.getHours() >= HOURS.ends;
}

// A network so wide that naming it says nothing.
function isWide(network) {
  const [address, prefix] = network.split("/");
  if (prefix === undefined) return false;
  return Number(prefix) < (address.includes(":") ? 32 : 8);
}

// history: [{state, fields}] of the tickets that this person may see, or null if it could not be had.
// -> the hosts that nobody has let this requester on before, or null.
function newHosts(fields, history) {
  if (history === null) return null;
  const before = history.filter((one) => one.fields.requester === fields.requester && one.fields.id !== fields.id && REACHED.has(one.state));
  return fields.hosts.filter((host) => !before.some((one) => one.fields.hosts.includes(host)));
}

// -> [{level: "danger" | "notice", code, values}], the grave ones first.
export function unusual(fields, history, now) {
  const found = [];
  const add = (level, code, values = {}) => found.push({ level, code, values });
  const option = (name) => fields.options.includes(name);
  const fresh = newHosts(fields, history);

  if (fields.emergency) add("danger", "emergency");
  if (fields.sudo.some((role) => WIDE_ROLES.test(role)) || fields.sudo.length >= WIDE_ROLE_COUNT) add("danger", "wide_sudo", { roles: fields.sudo });
  else if (fields.sudo.length > 0) add("notice", "sudo", { roles: fields.sudo });
  const groups = fields.groups.filter((group) => WIDE_GROUPS.test(group));
  if (groups.length > 0) add("danger", "wide_groups", { groups });
  if (option("port-forwarding") && fields.permit_open.length === 0) add("danger", "forward_everywhere");
  if (fields.uid === 0) add("danger", "host_account", { account: fields.account });
  else if (fields.account !== fields.requester) add("notice", "shared_account", { account: fields.account });
  if (fresh === null) add("notice", "no_history");
  else if (fresh.length > 0) add("notice", "first_time", { requester: fields.requester, hosts: fresh });
  if (fields.hosts.length >= MANY_HOSTS) add("notice", "many_hosts", { count: fields.hosts.length });
  if (fields.seconds > LONG_SECONDS) add("notice", "long_window", { seconds: fields.seconds });
  if (outsideHours(now) || (fields.not_before > 0 && outsideHours(new Date(fields.not_before * 1000)))) add("notice", "outside_hours");
  if (option("agent-forwarding")) add("notice", "agent_forwarding");
  if (option("x11")) add("notice", "x11");
  if (fields.source.some(isWide)) add("notice", "wide_source");
  if (fields.extends) add("notice", "extension", { ticket: fields.extends });
  return [...found.filter((one) => one.level === "danger"), ...found.filter((one) => one.level === "notice")];
}
