import IngestCore
import embed_worker
import ingest_worker

@main
struct Simulate {
    static func main() {
        print(DocumentRules(tenant: "x").tenant(of: ObjectReference(bucket: "b", key: "k")) ?? "")
        print(IngestSettings.self)
    }
}
