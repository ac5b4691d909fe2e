"""Web frameworks by their test clients: Flask, with templates, and Starlette, which is asynchronous."""
import flask
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

PAGE = "<ul>{% for item in items %}<li>{{ item|e }}</li>{% endfor %}</ul>"
flask_app = flask.Flask(__name__)


@flask_app.get("/list/<int:count>")
def items(count):
    return flask.render_template_string(PAGE, items=[f"<{number}>" for number in range(count)])


@flask_app.post("/sum")
def total():
    return {"sum": sum(flask.request.get_json())}


@flask_app.get("/fails")
def fails():
    flask.abort(418)


async def echo(request):
    return JSONResponse({"got": await request.json(), "query": dict(request.query_params)})


async def stream(request):
    async def pieces():
        for number in range(20):
            yield f"{number} " * 100

    return StreamingResponse(pieces())


def ask_flask():
    client = flask_app.test_client()
    for count in range(0, 200, 10):
        page = client.get(f"/list/{count}")
    print(page.status_code, len(page.data), client.post("/sum", json=list(range(1000))).json)
    print(client.get("/fails").status_code, client.get("/none").status_code)


def ask_starlette():
    app = Starlette(routes=[Route("/echo", echo, methods=["POST"]), Route("/stream", stream)])
    with TestClient(app) as client:
        for number in range(20):
            answer = client.post(f"/echo?a={number}", json={"numbers": list(range(number))})
        print(answer.status_code, answer.json(), len(client.get("/stream").text))


ask_flask()
ask_starlette()
# SPDX-License-Identifier: Apache-2.0
