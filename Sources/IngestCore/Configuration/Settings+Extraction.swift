import CommandLineOptions

/// How `ingest-worker` reads documents.
extension Settings {
    package static let extractor = Setting.text(
        "EXTRACTOR_PATH",
        "file",
        "document-extractor",
        default: "next to ingest-worker"
    )
    package static let children = Setting.number(
        "EXTRACT_CHILDREN",
        "n",
        "extractor processes",
        defaultText: "number of cores",
        in: 1...64
    )
    package static let documentsPerChild = Setting.number(
        "EXTRACT_DOCUMENTS_PER_CHILD",
        "n",
        "documents that an extractor process reads before it is replaced; 1: each document has a process of its own, which no other document can have taken over, for some 30 ms more",
        default: 1000,
        in: 1...1_000_000
    )
    package static let extractMemory = Setting.number(
        "EXTRACT_MEMORY_MB",
        "MB",
        "memory limit (address space) of an extractor",
        default: 1024,
        in: 128...65_536
    )
    package static let extractSeconds = Setting.number(
        "EXTRACT_SECONDS",
        "s",
        "timeout for one document",
        default: 60,
        in: 1...3600
    )
    package static let maximumPages = Setting.number(
        "EXTRACT_MAX_PAGES",
        "n",
        "maximum pages of a document",
        default: 10_000,
        in: 1...1_000_000
    )
    package static let maximumText = Setting.number(
        "EXTRACT_MAX_TEXT_BYTES",
        "bytes",
        "maximum text of a document",
        default: 64 << 20,
        in: 1024...256 << 20
    )
    package static let leastQuality = Setting.number(
        "MIN_QUALITY",
        "%",
        "minimum text quality (0 to 100); damaged fonts and encodings give text below it, which is rejected",
        default: 20,
        in: 0...100
    )
    package static let maximumObject = Setting.number(
        "OBJECT_MAX_BYTES",
        "bytes",
        "maximum size of an object",
        default: 256 << 20,
        in: 1024...4 << 30
    )
    package static let maximumChunks = Setting.number(
        "CHUNK_MAX_COUNT",
        "n",
        "maximum chunks of a document",
        default: 20_000,
        in: 1...1_000_000
    )

    package static let noSandbox = Setting.toggle("UNSAFE_NO_SANDBOX", "run document-extractor without its sandbox")

    // OCR. Its languages are part of the fingerprint, and must be the same everywhere.
    package static let ocrLanguages = Setting.text(
        "OCR_LANGUAGES",
        "names",
        "languages of scans and pictures, as Tesseract names its models: `eng`, `deu+fra`; empty: scans and pictures are rejected as needs_ocr",
        default: ""
    ).inFingerprint
    package static let ocrExtractor = Setting.text(
        "OCR_EXTRACTOR_PATH",
        "file",
        "document-ocr",
        default: "next to ingest-worker"
    )
    package static let ocrChildren = Setting.number(
        "OCR_CHILDREN",
        "n",
        "processes for OCR, in addition to those of EXTRACT_CHILDREN",
        defaultText: "number of cores",
        in: 1...64
    )
    package static let ocrSeconds = Setting.number(
        "OCR_SECONDS",
        "s",
        "timeout for one document that needs OCR (about a second per page)",
        default: 900,
        in: 1...36_000
    )

    package static let ingest: [SettingDeclaration] = [
        documents.declaration, extractor.declaration, children.declaration, documentsPerChild.declaration,
        extractMemory.declaration,
        extractSeconds.declaration, ocrExtractor.declaration, ocrChildren.declaration, ocrSeconds.declaration,
        maximumPages.declaration, maximumText.declaration, leastQuality.declaration, maximumObject.declaration,
        maximumChunks.declaration, inlineBytes.declaration, onRejection.declaration, temporaryFolder.declaration,
        noSandbox.declaration,
    ]
}
