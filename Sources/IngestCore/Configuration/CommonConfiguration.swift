import CommandLineOptions
import HTTPTransport
import Observability

/// What every program needs: the cluster, the names of the indexes, and what is in their fingerprint.
package struct CommonConfiguration: Sendable {
    package var region: String
    package var openSearch: Endpoint
    package var openSearchAuth: String
    package var openSearchUser: String
    package var openSearchPassword: String
    package var names: IndexNames
    package var tenant: String
    package var chunking: ChunkingSettings
    package var metadata: MetadataSettings
    package var model: String
    package var dimensions: Int
    /// Percent-encoded, as it was set.
    package var documentPrefix: String
    package var wholePages: Bool
    /// Empty where OCR is off.
    package var ocrLanguages: String
    /// Empty, but for a pipeline with the same settings as another one.
    package var pipelineName: String
    package var caFile: String?
    package var logLevel: Log.Level
    package var logAsJSON: Bool?

    /// - Parameter needsCluster: false where a command does without one.
    package init(_ reader: inout SettingsReader, needsCluster: Bool = true) {
        region = reader.read(Settings.region)
        openSearch = reader.read(needsCluster ? Settings.openSearch : Settings.openSearch.optional)
        let alias = reader.read(Settings.alias)
        openSearchAuth = reader.read(Settings.openSearchAuth)
        openSearchUser = reader.read(Settings.openSearchUser)
        openSearchPassword = reader.read(Settings.openSearchPassword)
        tenant = reader.read(Settings.tenant)
        chunking = ChunkingSettings(&reader)
        metadata = MetadataSettings(&reader)
        model = reader.read(Settings.model)
        dimensions = reader.read(Settings.dimensions)
        documentPrefix = reader.read(Settings.documentPrefix)
        wholePages = reader.read(Settings.pageContent) == "whole"
        ocrLanguages = reader.read(Settings.ocrLanguages)
        pipelineName = reader.read(Settings.pipelineName)
        let bundle = reader.read(Settings.caFile)
        caFile = bundle.isEmpty ? nil : bundle
        if let caFile, LocalFiles().contents(caFile) == nil {
            reader.problem("AWS_CA_BUNDLE cannot be read: \(caFile)")
        }
        logLevel = Log.Level(rawValue: reader.read(Settings.logLevel)) ?? .info
        let format = reader.read(Settings.logFormat)
        logAsJSON = format == "auto" ? nil : format == "json"
        let fingerprint = PipelineFingerprint(
            chunking: chunking,
            tokenizer: Tokenizer.cl100k.name,
            model: model,
            dimensions: dimensions,
            documentPrefix: documentPrefix,
            wholePages: wholePages,
            ocrLanguages: ocrLanguages,
            metadata: metadata,
            name: pipelineName
        )
        names = IndexNames(alias: alias, fingerprint: fingerprint)
        if !DocumentRules.isTenant(tenant) {
            reader.problem("TENANT is not a valid tenant: \"\(tenant)\" (at most 64 letters, digits, -, _ and .)")
        }
        if !Self.areLanguages(ocrLanguages) {
            reader.problem(
                "OCR_LANGUAGES are not valid languages: \"\(ocrLanguages)\" (names of Tesseract's models: eng, deu+fra)"
            )
        }
        if !pipelineName.isEmpty, !DocumentRules.isTenant(pipelineName) {
            reader.problem(
                "PIPELINE_NAME is not a valid name: \"\(pipelineName)\" (at most 64 letters, digits, -, _ and .)"
            )
        }
        if openSearchAuth == "basic" {
            for (name, value) in [("OPENSEARCH_USER", openSearchUser), ("OPENSEARCH_PASSWORD", openSearchPassword)]
            where value.isEmpty {
                reader.problem("OPENSEARCH_AUTH is basic and \(name) is missing")
            }
        } else if !openSearchUser.isEmpty || !openSearchPassword.isEmpty {
            reader.problem(
                "OPENSEARCH_USER or OPENSEARCH_PASSWORD is set, and OPENSEARCH_AUTH is \(openSearchAuth): set it to basic, or leave them out"
            )
        }
        if !Self.isRegion(region) {
            reader.problem(
                "AWS_REGION is not a valid region: \"\(region)\" (such as eu-west-1, without a zone's letter)"
            )
        }
        if openSearch.host.hasSuffix(".aoss.amazonaws.com") {
            reader.problem(
                "OPENSEARCH_URL is a collection of OpenSearch Serverless, which has neither custom document ids nor compare-and-set: use a managed domain"
            )
        }
        if !Self.isIndexName(alias) {
            reader.problem(
                "OPENSEARCH_INDEX is not a valid index name: \"\(alias)\" (lower-case letters, digits, -, _ and ., beginning with a letter or digit)"
            )
        }
    }

    /// Names joined by `+`: letters, digits and `_`, with `/` for the models of scripts (`script/Latin`).
    private static func areLanguages(_ text: String) -> Bool {
        text.isEmpty
            || text.split(separator: "+", omittingEmptySubsequences: false).allSatisfy { name in
                !name.isEmpty && !name.hasPrefix("/")
                    && name.utf8.allSatisfy {
                        (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x5F || $0 == 0x2F
                    }
            }
    }

    private static func isIndexName(_ name: String) -> Bool {
        guard let first = name.utf8.first, (0x61...0x7A).contains(first) || (0x30...0x39).contains(first),
            name.utf8.count <= 100
        else { return false }
        return name.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E
        }
    }

    /// Names become part of hosts. A zone (`eu-west-1a`) is not a region.
    private static func isRegion(_ name: String) -> Bool {
        let isName = name.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
        }
        guard isName, (4...32).contains(name.utf8.count) else { return false }
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, let last = parts.last else { return !name.hasPrefix("-") }
        return !parts.contains("") && last.allSatisfy(\.isNumber)
    }
}

/// What both workers need in addition.
package struct WorkerConfiguration: Sendable {
    package var ingestQueue: String
    package var chunkQueue: String
    package var handoffBucket: String
    package var handoffPrefix: String
    /// What probes and `--check` read or write in the bucket of chunk payloads.
    package var handoffCheck: ObjectReference {
        ObjectReference(bucket: handoffBucket, key: handoffPrefix + ".check")
    }
    package var concurrency: Int
    package var poll: Duration
    package var grace: Duration
    package var exitWhenIdle: Duration?
    package var healthHost: String
    package var healthPort: Int?
    package var telemetry: Telemetry.Settings

    package init(_ reader: inout SettingsReader) {
        ingestQueue = reader.read(Settings.ingestQueue)
        chunkQueue = reader.read(Settings.chunkQueue)
        handoffBucket = reader.read(Settings.handoffBucket)
        handoffPrefix = reader.read(Settings.handoffPrefix)
        concurrency = reader.read(Settings.concurrency)
        poll = .seconds(reader.read(Settings.poll))
        grace = .seconds(reader.read(Settings.grace))
        exitWhenIdle = reader.read(Settings.exitWhenIdle).map { .seconds($0) }
        healthHost = reader.read(Settings.healthHost)
        healthPort = reader.read(Settings.healthPort)
        telemetry = Telemetry.Settings(&reader)
        for (name, url) in [("INGEST_QUEUE_URL", ingestQueue), ("CHUNK_QUEUE_URL", chunkQueue)] where !url.isEmpty {
            if Endpoint(url) == nil { reader.problem("\(name) is not a valid queue URL: \"\(url)\"") }
            if url.hasSuffix(".fifo") {
                reader.problem(
                    "\(name) is a FIFO queue: \"\(url)\"; S3 notifies standard queues only, and so does the fleet"
                )
            }
        }
        if !handoffBucket.isEmpty, !BucketName.isValid(handoffBucket) {
            reader.problem(
                "HANDOVER_BUCKET is not a valid bucket name: \"\(handoffBucket)\" (without s3://, slash or blank)"
            )
        }
        if !ingestQueue.isEmpty, ingestQueue == chunkQueue {
            reader.problem("INGEST_QUEUE_URL and CHUNK_QUEUE_URL are the same queue")
        }
        if handoffPrefix.isEmpty {
            reader.problem("HANDOVER_PREFIX is empty: hand-off objects need a prefix of their own")
        }
    }
}
