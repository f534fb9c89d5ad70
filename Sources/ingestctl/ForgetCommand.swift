import CommandLineOptions
import IngestCore
import TextCoding

/// `ingestctl forget`.
struct ForgetCommand: Command {
    static let declaration = CommandDeclaration(
        name: "forget",
        summary:
            "erase documents from every pipeline of the alias, and prove it: chunks, vectors, ledger, payloads, dead letters",
        operands: "[s3://BUCKET/KEY|s3://BUCKET/PREFIX*...]",
        operandCount: 0...Int.max,
        settings: [tenant.declaration, objects.declaration, confirmed.declaration, timeout.declaration],
        example: "forget --tenant acme --delete-objects --yes",
        finding: "something is left, or objects are still in the bucket",
        json: [
            "would-erase": "object",
            "object": "object",
            "erased": "documents chunks vectors strayChunks records payloads deadLetters objects left",
        ]
    )

    private static let tenant = Setting.text("OF_TENANT", "name", "every document of this tenant", default: "")
        .flagged("--tenant")
    private static let objects = Setting.toggle("DELETE_OBJECTS", "delete their objects from the bucket as well")
        .asFlagOnly
    private static let confirmed = Setting.toggle("YES", "erase; without it, only say what would be erased").asFlagOnly
    private static let timeout = Setting.number(
        "TIMEOUT",
        "s",
        "how long to wait for the workers to remove the documents",
        default: 600,
        in: 1...86_400
    ).asFlagOnly

    private let addresses: [ObjectAddress]
    private let tenant: String
    private let deletesObjects: Bool
    private let isConfirmed: Bool
    private let timeout: Duration

    init(_ reader: inout SettingsReader, _ common: CommonConfiguration, _ operands: [String]) {
        addresses = ObjectAddress.list(operands, &reader)
        tenant = reader.read(Self.tenant)
        deletesObjects = reader.read(Self.objects)
        isConfirmed = reader.read(Self.confirmed)
        timeout = .seconds(reader.read(Self.timeout))
        if operands.isEmpty == tenant.isEmpty {
            reader.usage("which documents? Name them (s3://…) or a tenant (--tenant), one of the two")
        }
    }

    func run(_ context: CommandContext) async throws -> ExitStatus {
        let pipelines = try await context.registry.all().filter {
            $0.alias == context.common.names.alias && $0.state != .retired
        }
        let output = context.output
        var documents: [Erasure.Document] = []
        for pipeline in pipelines {
            _ = try await LedgerWalk(client: context.services.openSearch, names: pipeline.names).forEachEntry {
                id,
                record in
                guard isChosen(record) else { return }
                documents.append(Erasure.Document(pipeline: pipeline, recordID: id, record: record))
            }
        }
        let named = addresses.filter { !$0.isPrefix }.map(\.object)
        let objects = Set(documents.map(\.record.object) + named).sorted()
        let left = try await objectsLeft(objects, context)
        guard isConfirmed else {
            for object in objects {
                output.item("would-erase", "would erase\t\(object.description.oneLine)") {
                    $0.field("object", object.description)
                }
            }
            output.note(
                "\(objects.count) objects in \(pipelines.count) pipelines, \(left.count) of them still in the bucket; --yes erases them"
            )
            return .success
        }
        if !left.isEmpty, !deletesObjects {
            for object in left {
                output.item("object", "in the bucket\t\(object.description.oneLine)") {
                    $0.field("object", object.description)
                }
            }
            output.note(
                "\(left.count) objects are still in the bucket, and would be indexed again: delete them first, or add --delete-objects. Nothing was erased"
            )
            return .finding
        }
        for object in left { try await context.store.delete(object) }
        let erasure = Erasure(context, timeout: timeout)
        var proof = try await erasure.run(documents, objects: objects, pipelines, tenant: tenant)
        proof.objectsDeleted = left.count
        proof.print(output)
        return proof.isComplete ? .success : .finding
    }

    private func isChosen(_ record: DocumentRecord) -> Bool {
        if record.isErased { return false }
        return tenant.isEmpty
            ? addresses.contains { $0.contains(record.object) } : record.tenant.utf8.elementsEqual(tenant.utf8)
    }

    /// Those that are in the bucket and would be documents of the same tenant again.
    private func objectsLeft(_ objects: [ObjectReference], _ context: CommandContext) async throws -> [ObjectReference]
    {
        let pipeline = try await context.pipeline()
        let rules = try context.rules(pipeline)
        var left: [ObjectReference] = []
        for object in objects {
            guard let owner = rules.tenant(of: object) else { continue }
            guard tenant.isEmpty || owner.utf8.elementsEqual(tenant.utf8) else { continue }
            if try await context.store.entry(object) != nil { left.append(object) }
        }
        return left
    }
}
