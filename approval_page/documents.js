// SPDX-License-Identifier: BSD-2-Clause
// The documents that this page has signed, as bytes in canonical form (docs/protocol.md, section 1).
import { encode } from "./canonical.js";

export const APPROVAL = "approval-v1@tegata";
export const SESSION = "session-v1@tegata";
export const CERTIFICATE = "certificate-v1@tegata";

const now = () => Math.floor(Date.now() / 1000);

// seconds: a shorter window, or 0.
export const approval = (ticketDigest, approver, seconds) => encode({ v: 1, ticket: ticketDigest, approver, at: now(), decision: "approve", seconds });

export const session = (person, service, nonce) => encode({ v: 1, at: now(), nonce, person, service });

// seconds: how long the certificate should live, or 0 for the usual time.
export const certificate = (person, service, nonce, key, seconds) => encode({ v: 1, at: now(), nonce, person, service, key, seconds });
