"""Jobs over HTTP, from the message to the picture."""

from __future__ import annotations

import io
import json
import os
import signal

import numpy as np
from PIL import Image

from helpers.web_client import PAINTING, PHOTO, Client, paint_request, png_bytes, stylize_request
from impasto.jobs.request_json import from_json

ENDLESS = {"steps": 50_000, "optimizer": "adam"}
"""L-BFGS may find that there is nothing left to improve."""


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_painting_from_the_message_to_the_picture(client):
    answer = client.post_job(paint_request(), content=PHOTO, style_1=PAINTING)
    assert answer.status == 202
    job = answer.json["id"]
    assert answer.headers["location"] == f"/api/jobs/{job}"
    events = client.events(job)
    names = [name for name, _ in events]
    assert names[-1] == "state"
    assert {"planned", "progress", "preview", "finished"} <= set(names)
    planned = next(data for name, data in events if name == "planned")
    assert (planned["sizes"], planned["steps"]) == ([[64, 48]], [2])
    last = [data for name, data in events if name == "progress"][-1]
    assert (last["step"], last["of"], last["share"]) == (2, 2, 1.0)
    described = client.get(f"/api/jobs/{job}").json
    assert (described["state"], described["result"], described["place"]) == ("finished", True, 0)
    for kind, form in (("png", "PNG"), ("jpeg", "JPEG"), ("tiff", "TIFF")):
        picture = client.get(f"/api/jobs/{job}/result?format={kind}")
        assert picture.status == 200
        assert opened(picture.body).format == form
        assert opened(picture.body).size == (64, 48)
    saved = client.get(f"/api/jobs/{job}/result?download")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert opened(client.get(f"/api/jobs/{job}/preview").body).size == (64, 48)


def test_the_picture_is_that_of_the_library(client, tmp_path):
    """The same request makes the same pixels, and the file holds the request."""
    import impasto

    (tmp_path / "photo.png").write_bytes(PHOTO)
    (tmp_path / "painting.png").write_bytes(PAINTING)
    job = client.job(paint_request(), content=PHOTO, style_1=PAINTING)
    client.end(job)
    got = client.get(f"/api/jobs/{job}/result").body
    own = impasto.paint(
        str(tmp_path / "photo.png"), str(tmp_path / "painting.png"), size=64, scales=1, steps=2
    )
    difference = np.abs(np.asarray(opened(got)).astype(int) - np.asarray(own.image).astype(int))
    assert difference.max() <= 1


def test_one_pass_in_a_named_style_and_in_that_of_a_picture(client):
    named = client.job(stylize_request(), content=PHOTO)
    own = client.job(stylize_request("upload:style-1"), content=PHOTO, style_1=PAINTING)
    sample = client.job({**stylize_request(), "content": "sample:tuebingen", "size": 64})
    for job in (named, own, sample):
        assert client.end(job)["state"] == "finished", client.get(f"/api/jobs/{job}").body
    assert opened(client.get(f"/api/jobs/{named}/result").body).size == (64, 48)


def test_uploads_of_one_name_are_not_mixed_up(client):
    """Opened styles are kept by name, and every upload is called style-1."""
    pictures = []
    for seed in (2, 5):
        style = png_bytes(48, 64, seed=seed)
        job = client.job(stylize_request("upload:style-1"), content=PHOTO, style_1=style)
        client.end(job)
        pictures.append(np.asarray(opened(client.get(f"/api/jobs/{job}/result").body)))
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() > 8


def test_textures_and_reconstructions(client):
    quick = {"scales": 1, "steps": 2}
    texture = {"version": 1, "kind": "texture", "size": [48, 64], "recipe": quick,
               "styles": [{"source": "upload:style-1"}]}  # fmt: skip
    again = {"version": 1, "kind": "reconstruct", "content": "upload:content",
             "recipe": {**quick, "size": 64}}  # fmt: skip
    jobs = [client.job(texture, style_1=PAINTING), client.job(again, content=PHOTO)]
    assert [client.end(job)["state"] for job in jobs] == ["finished", "finished"]
    assert opened(client.get(f"/api/jobs/{jobs[0]}/result").body).size == (64, 48)


def test_regions_keep_what_a_mask_says(client):
    mask = Image.new("L", (64, 48))
    mask.paste(255, (0, 0, 32, 48))
    stream = io.BytesIO()
    mask.save(stream, "PNG")
    kept = {"name": "kept", "content_mask": "upload:mask-1", "keep": True}
    request = {**stylize_request(), "regions": [kept]}
    job = client.job(request, content=PHOTO, mask_1=stream.getvalue())
    assert client.end(job)["state"] == "finished"
    made = np.asarray(opened(client.get(f"/api/jobs/{job}/result").body)).astype(int)
    photo = np.asarray(opened(PHOTO)).astype(int)
    apart = np.abs(made - photo).mean(-1)
    assert apart[:, :24].mean() < 8
    assert apart[:, 40:].mean() > 3 * apart[:, :24].mean()


def test_a_stopped_painting_is_kept_and_goes_on(client):
    request = paint_request(**ENDLESS)
    job = client.job(request, content=PHOTO, style_1=PAINTING)
    client.events(job, until="progress")
    assert client.send("POST", f"/api/jobs/{job}/stop").status == 202
    stopped = client.end(job)
    assert (stopped["state"], stopped["result"], stopped["resumable"]) == ("stopped", True, True)
    steps = stopped["events"]["progress"]["step"]
    assert 0 < steps < 50_000
    assert client.send("POST", f"/api/jobs/{job}/resume").status == 202
    client.wait(lambda: client.get(f"/api/jobs/{job}").json["events"]["progress"]["step"] > steps)
    client.send("POST", f"/api/jobs/{job}/stop")
    again = client.end(job)
    assert again["events"]["progress"]["step"] > steps
    assert client.send("DELETE", f"/api/jobs/{job}").status == 204
    assert client.get(f"/api/jobs/{job}").status == 404


def test_a_stop_takes_one_step(client):
    """Steps of tens of milliseconds, which is longer than a message takes."""
    photo = png_bytes(256, 192, seed=1)
    job = client.job(paint_request(size=256, **ENDLESS), content=photo, style_1=PAINTING)
    client.events(job, until="progress")
    client.send("POST", f"/api/jobs/{job}/stop")
    before = client.get(f"/api/jobs/{job}").json["events"]["progress"]["step"]
    after = client.end(job)["events"]["progress"]["step"]
    assert after <= before + 2  # the one that was being made, and one that was not told yet


def test_one_painting_at_a_time_and_quick_jobs_beside_it(client):
    files = {"content": PHOTO, "style_1": PAINTING}
    first = client.job(paint_request(**ENDLESS), **files)
    second = client.job(paint_request(**ENDLESS), **files)
    third = client.job(paint_request(), **files)
    client.events(first, until="progress")
    assert client.get(f"/api/jobs/{second}").json["place"] == 1
    assert client.get(f"/api/jobs/{third}").json["place"] == 2
    assert client.end(client.job(stylize_request(), content=PHOTO))["state"] == "finished"
    assert client.state(first) == "running"
    assert client.send("POST", f"/api/jobs/{second}/stop").status == 202
    assert client.state(second) == "stopped"
    assert client.get(f"/api/jobs/{third}").json["place"] == 1
    client.send("DELETE", f"/api/jobs/{first}")
    assert client.end(third)["state"] == "finished"


def test_a_worker_that_is_killed_ends_one_job_with_a_sentence(server, client):
    job = client.job(paint_request(**ENDLESS), content=PHOTO, style_1=PAINTING)
    waiting = client.job(paint_request(), content=PHOTO, style_1=PAINTING)
    client.events(job, until="progress")
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    ended = client.end(job)
    assert ended["state"] == "failed"
    assert ended["events"]["failed"]["message"].endswith("smaller size.")
    assert client.get("/healthz").status == 200
    assert client.end(waiting)["state"] == "finished"
    assert b'impasto_worker_restarts_total{lane="painting"}' in client.get("/metrics").body


def test_a_picture_gives_its_settings_back(client):
    request = stylize_request(strength=0.5, colour="content")
    job = client.job(request, content=PHOTO)
    client.end(job)
    made = client.get(f"/api/jobs/{job}/result").body
    answer = client.post_form("/api/settings", {"picture": made})
    assert answer.status == 200
    restored = from_json(json.dumps(answer.json["request"]))
    assert (restored.strength, restored.colour) == (0.5, "content")
    refused = client.post_form("/api/settings", {"picture": PHOTO})
    assert refused.status == 422
    assert "no settings" in refused.message
    assert client.post_form("/api/settings", {"picture": b"GIF89a nonsense"}).status == 422


def test_a_request_too_long_for_a_jpeg_costs_only_the_jpeg(client):
    request = {**stylize_request(), "styles": [{"source": "great-wave"}] * 1000}
    ended = client.end(client.job(request, content=PHOTO))
    assert (ended["state"], ended["formats"]) == ("finished", ["png", "tiff"])
    assert client.get(f"/api/jobs/{ended['id']}/result?format=tiff").status == 200


def test_mistakes_are_one_sentence(client):
    wrong = client.post_job(paint_request(style_weight=-1), content=PHOTO, style_1=PAINTING)
    assert wrong.status == 422
    assert wrong.json["error"]["field"] == "style_weight"
    assert wrong.message.startswith("style weight must be")
    job = client.job(stylize_request(), content=b"this is no picture")
    failed = client.end(job)
    assert failed["state"] == "failed"
    message = failed["events"]["failed"]["message"]
    assert message.startswith("content is")
    assert "/" not in message
    assert "upload" not in message


def test_results_too_large_and_too_long_are_refused(client):
    wide = client.job(stylize_request(), content=png_bytes(400, 300, seed=1))
    assert "400×300" in client.end(wide)["events"]["failed"]["message"]
    long = client.job(paint_request(steps=200_000), content=PHOTO, style_1=PAINTING)
    assert "200000 steps" in client.end(long)["events"]["failed"]["message"]


def test_nobody_sees_the_jobs_of_others(server, client):
    job = client.job(stylize_request(), content=PHOTO)
    client.end(job)
    assert [one["id"] for one in client.get("/api/jobs").json["jobs"]] == [job]
    cookie = server.client.get("/").headers["set-cookie"].partition(";")[0]
    other = Client(server.port, {"cookie": cookie})
    assert other.get("/api/jobs").json["jobs"] == []
    assert Client(server.port).get("/api/jobs").json["jobs"] == []
    for told in (other.get("/metrics").body.decode(), "".join(server.log)):
        assert job not in told
        assert "content" not in told.replace("content-", "")
    for path in ("/api/jobs/" + job[:-1], f"/api/jobs/{'x' * 32}/result"):
        assert other.get(path).status == 404


def test_what_is_seen_from_outside(server, client):
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"ready": True}
    metrics = client.get("/metrics").body.decode()
    for name in ("requests_total", "queue_length", "job_seconds_bucket", "pixels_total",
                 "memory_bytes", "wait_seconds_count"):  # fmt: skip
        assert f"impasto_{name}" in metrics
    lines = [json.loads(line) for line in server.log]
    assert {"request", "job"} <= {line["event"] for line in lines}
