"""Behind a reverse proxy: real nginx, set up as people set it up, and as Traefik, Caddy and
Cloudflare write their headers. Our own page edits, uploads and downloads; a foreign page changes
nothing through any of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from proxy import Nginx, Site
from support import Answer, Server, picture, tree_of

HTTP, HTTPS = "http://comfy.lan:{port}", "https://pics.example"


def sets(**headers: str) -> tuple[str, ...]:
    """`proxy_set_header` for each: `X_Forwarded_Host="$host"`."""
    return tuple(f'proxy_set_header {k.replace("_", "-")} "{v}"' for k, v in headers.items())


TRAEFIK = sets(
    Host="$http_host",
    X_Forwarded_For="$remote_addr",
    X_Forwarded_Host="$http_host",
    X_Forwarded_Port="$server_port",
    X_Forwarded_Proto="$scheme",
    X_Forwarded_Server="traefik-7d9",
    X_Real_Ip="$remote_addr",
)
CADDY = sets(
    Host="$http_host",
    X_Forwarded_For="$remote_addr",
    X_Forwarded_Host="$http_host",
    X_Forwarded_Proto="$scheme",
    Via="1.1 Caddy",
)
CLOUDFLARE = sets(
    Host="$http_host",
    X_Forwarded_For="203.0.113.7",
    X_Forwarded_Proto="https",
    CF_Connecting_IP="203.0.113.7",
    CF_Ray="8c1f2a3b4c5d6e7f-FRA",
    CDN_Loop="cloudflare; loops=1",
)

# Where what arrives here says where the browser was.
TOLD = {
    "the host as it came": Site(HTTP, sets(Host="$http_host")),
    "a host and a port apart": Site(HTTP, sets(Host="$host:$server_port")),
    "the port told apart": Site(HTTP, sets(Host="$host", X_Forwarded_Port="$server_port")),
    "forwarded host": Site(HTTP, sets(X_Forwarded_Host="$http_host")),
    "forwarded host and port": Site(
        HTTP, sets(X_Forwarded_Host="$host", X_Forwarded_Port="$server_port")
    ),
    "forwarded, the standard's way": Site(
        HTTP, sets(Forwarded='for=$remote_addr;host=\\"$http_host\\";proto=$scheme')
    ),
    "traefik": Site(HTTP, TRAEFIK),
    "traefik, host not passed": Site(HTTP, (*TRAEFIK[1:], *sets(Host="comfyui:8188"))),
    "caddy": Site(HTTP, CADDY),
    "caddy, the upstream's host": Site(HTTP, (*CADDY[1:], *sets(Host="comfyui:8188"))),
    "a path": Site(HTTP, sets(Host="$http_host", X_Forwarded_Prefix="/comfy"), "/comfy/"),
    "tls": Site(HTTPS, sets(Host="$host")),
    "tls, all told": Site(
        HTTPS, sets(Host="$host", X_Forwarded_Proto="$scheme", X_Forwarded_Host="$host")
    ),
    "tls on a port": Site(
        "https://pics.example:{port}", sets(Host="$http_host", X_Forwarded_Proto="https")
    ),
    "tls, traefik": Site(
        HTTPS,
        sets(
            Host="comfyui",
            X_Forwarded_Host="$http_host",
            X_Forwarded_Port="443",
            X_Forwarded_Proto="https",
        ),
    ),
    "tls, cloudflare": Site(HTTPS, CLOUDFLARE),
    "tls, then another": Site(HTTPS, sets(Host="$host", X_Forwarded_Proto="https"), before="inner"),
    "tls, then another, each adding its own": Site(
        HTTPS,
        sets(X_Forwarded_Host="$host", X_Forwarded_Proto="https", X_Forwarded_Port="443"),
        before="adding",
    ),
    "tls and a path": Site(HTTPS, sets(Host="$host", X_Forwarded_Proto="https"), "/comfy/"),
}
# Where it doesn't: the browser's own word, or a setting, has to.
UNTOLD = {
    "nothing set": Site(HTTP),
    "the name without its port": Site(HTTP, sets(Host="$host")),
    "nothing set, a path": Site(HTTP, path="/comfy/"),
    "tls, nothing set": Site(HTTPS),
    "tls on a port, the name alone": Site("https://pics.example:{port}", sets(Host="$host")),
    "of this machine": Site("http://localhost:{port}"),
    "of this machine, the name alone": Site("http://localhost:{port}", sets(Host="$host")),
}
INNER = {
    "inner": Site(HTTP, sets(Host="comfyui", X_Forwarded_Host="$http_host")),
    "adding": Site(
        HTTP,
        sets(
            X_Forwarded_Host="$http_x_forwarded_host, $host",
            X_Forwarded_Proto="$http_x_forwarded_proto, $scheme",
            X_Forwarded_Port="$http_x_forwarded_port, $server_port",
        ),
    ),
}
SITES = {**TOLD, **UNTOLD, **INNER}


@dataclass
class Front:
    """Our routes, with nginx before them."""

    server: Server
    nginx: Nginx
    profile: str

    def edit(self, site: str, **headers: str) -> Answer:
        body = json.dumps({"pool_id": self.profile, "index": 0, "label": f"by {site}"}).encode()
        said = {"Content-Type": "application/json", **headers}
        return self.nginx.request(site, "POST", "/grid_pool/label", body, said)

    def upload(self, site: str, data: bytes, **headers: str) -> Answer:
        head = f'--x\r\nContent-Disposition: form-data; name="pool_id"\r\n\r\n{self.profile}\r\n'
        head += '--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        body = head.encode() + data + b"\r\n--x--\r\n"
        said = {"Content-Type": "multipart/form-data; boundary=x", **headers}
        return self.nginx.request(site, "POST", "/grid_pool/add", body, said)

    def download(self, site: str, **headers: str) -> Answer:
        path = f"/grid_pool/profiles/export?id={self.profile}"
        return self.nginx.request(site, "GET", path, None, headers)

    def works(self, site: str, **headers: str) -> None:
        """Everything that a page does, as a browser at that site sends it."""
        count = len(self.server.list(self.profile)["slots"])
        own = {"Origin": self.nginx.origin(site), **headers}
        edited = self.edit(site, **own)
        assert edited.status == 200, edited.body
        assert edited.json["slots"][0]["label"] == f"by {site}"
        uploaded = self.upload(site, picture(count), **own)
        assert uploaded.status == 200, uploaded.body
        assert len(uploaded.json["slots"]) == count + 1
        downloaded = self.download(site, **headers)
        assert downloaded.status == 200
        with zipfile.ZipFile(io.BytesIO(downloaded.body)) as archive:
            assert len([n for n in archive.namelist() if n.endswith(".png")]) == count + 1


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("proxy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITPOOL_SNAPSHOT_DELAY", "3600")
        patch.delenv("GITPOOL_TRUSTED_ORIGINS", raising=False)
        with Server(folder) as server, Nginx(folder / "nginx", server.port, SITES) as nginx:
            profile = server.create("x")
            server.add(profile, picture(1))
            yield Front(server, nginx, profile)


def is_secure(site: str) -> bool:
    """Whether a browser says there where a request comes from: over TLS, or on one machine."""
    return SITES[site].address.startswith(("https:", "http://localhost"))


@pytest.mark.parametrize("site", TOLD)
def test_our_page_works_behind_a_proxy_that_says_where_it_was_opened(
    front: Front, site: str
) -> None:
    # The browsers of before 2023 that don't say it yet, and plain http.
    front.works(site)
    if is_secure(site):
        front.works(site, **{"Sec-Fetch-Site": "same-origin"})


@pytest.mark.parametrize("site", [site for site in UNTOLD if is_secure(site)])
def test_the_browsers_own_word_is_enough_behind_any_proxy(front: Front, site: str) -> None:
    front.works(site, **{"Sec-Fetch-Site": "same-origin"})


def set_trusted(front: Front, *origins: str) -> None:
    path = front.server.host.user_directory() / "__gitpool" / "settings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"trusted_origins": list(origins)}))


@pytest.mark.parametrize("site", UNTOLD)
def test_behind_any_other_proxy_a_setting_is_enough(
    front: Front, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = front.nginx.origin(site)
    refused = front.edit(site, Origin=own)
    assert (refused.status, refused.code) == (403, "foreign_page")
    assert own in refused.json["error"]["message"]
    for setting in ("trusted_origins", "settings.json", "GITPOOL_TRUSTED_ORIGINS"):
        assert setting in refused.json["error"]["hint"]
    set_trusted(front, "https://another.example", own + "/")
    front.works(site)
    set_trusted(front)
    assert front.edit(site, Origin=own).status == 403
    monkeypatch.setenv("GITPOOL_TRUSTED_ORIGINS", f"https://another.example, {own.upper()}")
    front.works(site)


@pytest.mark.parametrize("site", SITES)
def test_a_foreign_page_changes_nothing_through_any_proxy(front: Front, site: str) -> None:
    own = front.nginx.origin(site)
    scheme, _, host = own.partition("://")
    name = host.partition(":")[0]
    foreign = [
        {"Origin": origin}
        for origin in (
            "http://evil.example",
            "https://evil.example",
            "null",
            "",
            f"{scheme}://{name}:9",
            f"{scheme}://{name}.evil.example",
            f"{scheme}://evil.{host}",
            f"{scheme}://evil@{host}",
            f"file://{host}",
            "http://comfyui.evil.example",
            f"http://127.0.0.1:{front.server.port + 1}",
        )
    ]
    for kind in ("cross-site", "same-site"):
        foreign += [{"Sec-Fetch-Site": kind, **more} for more in ({}, {"Origin": own}, foreign[0])]
    before = tree_of(front.server.pools)
    for headers in foreign:
        for answer in (
            front.edit(site, **headers),
            front.upload(site, picture(5), **headers),
        ):
            assert (answer.status, answer.code) == (403, "foreign_page"), headers
            assert answer.headers["X-Git-Pool"], headers
    assert tree_of(front.server.pools) == before


def test_a_trusted_address_never_makes_a_frame_or_a_browsers_warning_pass(front: Front) -> None:
    own = front.nginx.origin("nothing set")
    set_trusted(front, own, "null", "*", "comfy.lan", "https://")
    for headers in (
        {"Origin": "null"},
        {"Origin": "*"},
        {"Origin": "https://"},
        {"Origin": "http://evil.example"},
        {"Origin": own, "Sec-Fetch-Site": "cross-site"},
        {"Origin": own, "Sec-Fetch-Site": "same-site"},
    ):
        assert front.edit("nothing set", **headers).status == 403, headers
    set_trusted(front)


def test_what_can_t_be_read_as_a_setting_lets_nobody_in(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = front.nginx.origin("nothing set")
    path = front.server.host.user_directory() / "__gitpool" / "settings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for text in (
        "",
        "{",
        "[]",
        '{"trusted_origins": 5}',
        '{"trusted_origins": [5, null, "[", "https://bü\\u0000cher.example"]}',
    ):
        path.write_text(text)
        assert front.edit("nothing set", Origin=own).status == 403, text
    path.write_text("{}")
    monkeypatch.setenv("GITPOOL_TRUSTED_ORIGINS", ",, http://[,\udcff,https://bücher..example")
    assert front.edit("nothing set", Origin=own).status == 403


def test_a_name_in_any_script_can_be_trusted(front: Front) -> None:
    set_trusted(front, "https://Bücher.example:8443/")
    headers = {"Origin": "https://xn--bcher-kva.example:8443"}
    assert front.edit("nothing set", **headers).status == 200
    set_trusted(front)


def test_an_origin_that_is_made_up_is_named_in_plain_bounded_words(front: Front) -> None:
    for origin in ("http://" + "a" * 5000, "http://<b>\t\x80\u202e.example"):
        headers = {"Origin": origin.encode("utf-8").decode("latin-1")}
        answer = front.server.request(
            "POST", "/grid_pool/label", b"{}", {"Content-Type": "application/json", **headers}
        )
        assert (answer.status, answer.code) == (403, "foreign_page")
        message = answer.json["error"]["message"]
        assert len(message) < 300
        assert all(c.isprintable() and (c.isascii() or c in "“”…") for c in message)


def test_every_refusal_of_ours_is_marked_and_says_why_in_the_same_form(server: Server) -> None:
    json_kind = {"Content-Type": "application/json"}
    for answer in (
        server.request("POST", "/grid_pool/label", b"{}", {**json_kind, "Origin": "null"}),
        server.get("/view", filename="config", subfolder="grid_pool/x/.git", type="input"),
        server.get("/api/view", filename="x", subfolder="grid_pool/.gitpool/tmp", type="input"),
        server.send_form("/upload/image", {"image": ("a", b"x")}, subfolder="grid_pool/x/.git"),
    ):
        assert answer.status == 403
        assert answer.headers["X-Git-Pool"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json["error"].keys() == {"code", "message", "hint"}
        assert answer.json["error"]["message"]
