"""The thread that pumps, and requests over real sockets."""

from threading import Event, Thread

from engage_mobile import (
    Answered,
    Config,
    Engage,
    HttpTransport,
    MemoryQueue,
    Request,
    Runner,
    system_clock,
)
from tests.sdk.phones import STATE
from tests.sdk.servers import NOBODY, Effect, FakeServer
from tests.sdk.serving import served

PATIENCE = 30


def test_calls_of_any_thread_are_told_while_the_runner_pumps() -> None:
    server = FakeServer(system_clock)
    with served(server) as url, HttpTransport(url) as transport:
        config = Config(app_id="app_1", clock=system_clock)
        engage = Engage(MemoryQueue(), transport, config)

        def tell(thread: int) -> None:
            for number in range(25):
                engage.track("com.example.seen", {"mark": f"{thread}-{number}"})

        with Runner(engage) as runner:
            registered = engage.register(STATE)
            runner.wake()
            assert isinstance(registered.result(timeout=PATIENCE), Answered)
            threads = [Thread(target=tell, args=(thread,)) for thread in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            engage.enter_background()
        marks = {f"{thread}-{number}" for thread in range(4) for number in range(25)}
        assert server.effects() == {Effect("event", NOBODY, mark): 1 for mark in marks}
        assert engage.waiting == 0


def test_a_server_that_is_not_there_gives_no_answer() -> None:
    with served(FakeServer(system_clock)) as url:
        gone = url
    with HttpTransport(gone, timeout=5) as transport:
        request = Request(method="GET", path="/v1/health", headers={})
        assert transport.send(request) is None


def test_an_answer_is_read_whole() -> None:
    with served(FakeServer(system_clock)) as url, HttpTransport(url) as transport:
        request = Request(method="GET", path="/v1/apps/app_1/nothing", headers={})
        response = transport.send(request)
    assert response is not None
    assert (response.status, response.code) == (404, "route_not_found")
    assert "date" in response.headers


def test_the_runner_survives_a_pump_that_fails() -> None:
    class Broken:
        """Fails once, then answers nothing."""

        def __init__(self) -> None:
            self.asked = Event()
            self.asked_again = Event()

        def send(self, request: Request) -> None:
            if self.asked.is_set():
                self.asked_again.set()
                return
            self.asked.set()
            raise OSError("no space left on device")

    network = Broken()
    engage = Engage(MemoryQueue(), network, Config(app_id="app_1", clock=system_clock))
    with Runner(engage, nap=1) as runner:
        engage.register(STATE)
        runner.wake()
        assert network.asked.wait(PATIENCE)
        assert network.asked_again.wait(PATIENCE)
    assert engage.waiting == 1
