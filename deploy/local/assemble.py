#!/usr/bin/env python3
"""Makes a home of OpenSearch, ready to run, from Maven Central: `assemble.py VERSION HOME`. Needs mvn; for 2.19.1 and 3.6.0.

Maven Central has the server, its modules and the plugins, but no distribution. A home is lib/ (the server and what it needs),
modules/NAME/ (jars that lib/ does not have, a descriptor, on 2.x a policy for the security manager) and plugins/NAME/ (their published
zips, which bring descriptors). The native libraries of faiss are not published: such a node can use the engine lucene only.
"""
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>home</artifactId><version>1</version><packaging>pom</packaging><dependencies>{}</dependencies></project>
"""
GRANT = 'grant {{ {} }};\n'
RUNTIME = 'permission java.lang.RuntimePermission "{}";'
LISTEN = " ".join([
    RUNTIME.format("getClassLoader"), RUNTIME.format("accessDeclaredMembers"),
    'permission java.lang.reflect.ReflectPermission "suppressAccessChecks";', 'permission java.net.SocketPermission "*", "accept,connect,listen,resolve";',
])


@dataclasses.dataclass
class Module:
    name: str
    artifact: str
    plugin_class: str
    extends: str = ""
    policy: str = ""


def modules(is_three: bool) -> list[Module]:
    suffix = "ModulePlugin" if is_three else "Plugin"
    package = "org.opensearch"
    found = [
        Module("transport-netty4", "transport-netty4-client", f"{package}.transport.Netty4{suffix}", policy=LISTEN),
        Module("lang-painless", "lang-painless", f"{package}.painless.Painless{suffix}", policy=RUNTIME.format("createClassLoader") + RUNTIME.format("getClassLoader")),
        Module("analysis-common", "analysis-common", f"{package}.analysis.common.CommonAnalysis{suffix}", "lang-painless"),
        Module("ingest-common", "ingest-common", f"{package}.ingest.common.IngestCommon{suffix}", "lang-painless"),
        Module("mapper-extras", "mapper-extras-client", f"{package}.index.mapper.MapperExtras{suffix}"),
        Module("reindex", "reindex-client", f"{package}.index.reindex.Reindex{suffix}", policy=LISTEN),
    ]
    if is_three:
        found.append(Module("transport-grpc", "transport-grpc", f"{package}.transport.grpc.GrpcPlugin"))
        found.append(Module("search-pipeline-common", "search-pipeline-common", f"{package}.search.pipeline.common.SearchPipelineCommonModulePlugin", "lang-painless"))
    return found


class Home:
    def __init__(self, version: str, folder: pathlib.Path) -> None:
        self.version, self.folder, self.is_three = version, folder, not version.startswith("2.")

    def copy(self, artifacts: list[tuple[str, ...]], into: pathlib.Path) -> None:
        """Artifacts as (group, name[, version[, type]]), with what they need at run time."""
        dependencies = ""
        for group, name, *rest in artifacts:
            version, kind = (rest + [self.version, "jar"][len(rest) :])[:2]
            dependencies += f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version><type>{kind}</type></dependency>"
        with tempfile.TemporaryDirectory() as work:
            pom = pathlib.Path(work, "pom.xml")
            pom.write_text(POM.format(dependencies))
            goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
            subprocess.run(["mvn", "-q", "-B", "-f", pom, goal, "-DincludeScope=runtime", f"-DoutputDirectory={into}"], check=True)

    def add_server(self) -> None:
        names = ["opensearch", "opensearch-cli", "opensearch-plugin-classloader"] + (["opensearch-agent-bootstrap"] if self.is_three else [])
        log = ("org.apache.logging.log4j", "log4j-core", "2.25.3" if self.is_three else "2.21.0")
        self.copy([("org.opensearch", name) for name in names] + [log], self.folder / "lib")

    def add_module(self, module: Module) -> None:
        folder = self.folder / "modules" / module.name
        self.copy([("org.opensearch.plugin", module.artifact)], folder)
        of_server = {stem(jar) for jar in (self.folder / "lib").iterdir()}
        for jar in list(folder.iterdir()):
            if stem(jar) in of_server or "native-quic" in jar.name:
                jar.unlink()
        descriptor = {
            "name": module.name, "description": module.name, "version": self.version, "opensearch.version": self.version,
            "java.version": "21" if self.is_three else "11", "classname": module.plugin_class, "extended.plugins": module.extends,
            "has.native.controller": "false",
        }
        (folder / "plugin-descriptor.properties").write_text("".join(f"{key}={value}\n" for key, value in descriptor.items()))
        if module.policy and not self.is_three:
            (folder / "plugin-security.policy").write_text(GRANT.format(module.policy))

    def add_plugin(self, name: str) -> None:
        with tempfile.TemporaryDirectory() as work:
            self.copy([("org.opensearch.plugin", name, f"{self.version}.0", "zip")], pathlib.Path(work))
            for archive in pathlib.Path(work).glob("*.zip"):
                zipfile.ZipFile(archive).extractall(self.folder / "plugins" / name)


def stem(jar: pathlib.Path) -> str:
    """A jar's name without its version."""
    return jar.name.rsplit("-", 1)[0]


def main() -> None:
    version, target = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and moved: a home that is there is whole.
    staging = pathlib.Path(tempfile.mkdtemp(dir=target.parent, prefix=".assemble."))
    try:
        home = Home(version, staging)
        home.add_server()
        for module in modules(home.is_three):
            home.add_module(module)
        for plugin in ("opensearch-job-scheduler", "opensearch-knn", "neural-search"):
            home.add_plugin(plugin)
        (staging / "bin").mkdir()
        subprocess.run(["chmod", "-R", "a+rX", staging], check=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


if __name__ == "__main__":
    main()
