# SPDX-License-Identifier: GPL-2.0-or-later
"""The phone's part of Digest authentication (RFC 7616)."""

import hashlib
import itertools
import re

_counts = itertools.count(1)


def parameters(challenge):
    return {name.lower(): quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)}


def answer(challenge, method, uri, user, password):
    """The value of an Authorization or Proxy-Authorization that answers `challenge`."""
    given = parameters(challenge)
    algorithm = given.get("algorithm", "MD5")

    def digest(*parts):
        return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[algorithm],
                           ":".join(parts).encode()).hexdigest()

    count, own = f"{next(_counts):08x}", "0a4f113b"
    response = digest(digest(user, given["realm"], password), given["nonce"], count, own, "auth",
                      digest(method, uri))
    return (f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", '
            f'uri="{uri}", response="{response}", algorithm={algorithm}, cnonce="{own}", '
            f'qop=auth, nc={count}, opaque="{given.get("opaque", "")}"')
