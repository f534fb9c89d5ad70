import AsyncPrimitives
import CommandLineOptions
import ExtractionWire
import IngestCore

/// All settings of `ingest-worker`, read once.
struct IngestConfiguration: WorkerSettings {
    var common: CommonConfiguration
    var worker: WorkerConfiguration
    var pipeline: IngestSettings
    var extractor: ExtractorPool.Settings
    /// Nil where OCR is off.
    var ocr: ExtractorPool.Settings?
    var chunker: Chunker
    var inlineBytes: Int
    var maximumObjectBytes: Int
    var temporaryFolder: String
    /// Nil where this is a worker.
    var replay: ReplaySettings?
    /// DOCUMENTS, with one space between its rules.
    var documents: String

    static let declarations =
        Settings.worker + Settings.common + Settings.ingest + Settings.replaying + Settings.information

    init(_ reader: inout SettingsReader) {
        common = CommonConfiguration(&reader)
        worker = WorkerConfiguration(&reader)
        extractor = ExtractorPool.Settings(
            path: Self.path(reader.read(Settings.extractor), Settings.extractor),
            children: reader.read(Settings.children) ?? ProcessEnvironment.coreCount,
            memoryBytes: reader.read(Settings.extractMemory) << 20,
            deadline: .seconds(reader.read(Settings.extractSeconds)),
            limits: ExtractionLimits(
                pages: reader.read(Settings.maximumPages),
                textBytes: reader.read(Settings.maximumText),
                mainContent: !common.wholePages
            ),
            isSandboxed: !reader.read(Settings.noSandbox),
            documentsPerProcess: reader.read(Settings.documentsPerChild)
        )
        var ocr = extractor
        ocr.path = Self.path(reader.read(Settings.ocrExtractor), Settings.ocrExtractor)
        ocr.ocrLanguages = common.ocrLanguages
        ocr.children = reader.read(Settings.ocrChildren) ?? ProcessEnvironment.coreCount
        ocr.deadline = .seconds(reader.read(Settings.ocrSeconds))
        self.ocr = common.ocrLanguages.isEmpty ? nil : ocr
        chunker = Chunker(common.chunking, maximumChunks: reader.read(Settings.maximumChunks))
        inlineBytes = reader.read(Settings.inlineBytes)
        maximumObjectBytes = reader.read(Settings.maximumObject)
        temporaryFolder = reader.read(Settings.temporaryFolder)
        var rules = DocumentRules(tenant: common.tenant)
        documents = DocumentRules.normalized(reader.read(Settings.documents))
        do {
            rules = try DocumentRules(parsing: documents, tenant: common.tenant)
        } catch {
            reader.problem("DOCUMENTS: \(error)")
        }
        let leastQuality = reader.read(Settings.leastQuality)
        pipeline = IngestSettings(
            rules: rules,
            names: common.names,
            chunking: common.chunking,
            handoffBucket: worker.handoffBucket,
            handoffPrefix: worker.handoffPrefix,
            removesRejected: reader.read(Settings.onRejection) == "remove",
            leastQuality: Double(leastQuality) / 100,
            rejections: Self.rejections(extractor, ocr, chunker, maximumObjectBytes, leastQuality)
        )
        pipeline.metadata = common.metadata
        replay = ReplaySettings(&reader, common)
    }

    /// The settings that each reason depends on.
    private static func rejections(
        _ extractor: ExtractorPool.Settings,
        _ ocr: ExtractorPool.Settings,
        _ chunker: Chunker,
        _ objectBytes: Int,
        _ leastQuality: Int
    ) -> RejectionSettings {
        let seconds = "EXTRACT_SECONDS=\(Int(extractor.deadline.seconds)) OCR_SECONDS=\(Int(ocr.deadline.seconds))"
        return RejectionSettings([
            .tooLarge: "OBJECT_MAX_BYTES=\(objectBytes)",
            .tooManyPages: "EXTRACT_MAX_PAGES=\(extractor.limits.pages)",
            .outputLimit: "EXTRACT_MAX_TEXT_BYTES=\(extractor.limits.textBytes)",
            .timeout: seconds,
            .memory: "EXTRACT_MEMORY_MB=\(extractor.memoryBytes >> 20)",
            .tooManyChunks: "CHUNK_MAX_COUNT=\(chunker.maximumChunks)",
            .lowQuality: "MIN_QUALITY=\(leastQuality)",
            // What no reader understands may be understood by the next version.
            .unsupported: "VERSION=\(Program.version)",
            .malformed: "VERSION=\(Program.version)",
            .crash: "VERSION=\(Program.version)",
            .empty: "VERSION=\(Program.version)",
        ])
    }

    /// A program of this package is next to this one unless its setting says where.
    private static func path(_ value: String, _ setting: Setting<String>) -> String {
        guard value == setting.declaration.defaultText else { return value }
        return "\(ProcessEnvironment.programFolder)/\(setting.declaration.help)"
    }
}
