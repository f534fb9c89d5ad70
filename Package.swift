// swift-tools-version: 6.2
import Foundation
import PackageDescription

// Tesseract reads scans. Where its headers are not there, everything is built but document-ocr.
let hasTesseract = ["/usr/include", "/usr/local/include"].contains {
    FileManager.default.fileExists(atPath: "\($0)/tesseract/capi.h")
}

// Brotli, for documents stored with `Content-Encoding: br`.
let hasBrotli = ["/usr/include", "/usr/local/include"].contains {
    FileManager.default.fileExists(atPath: "\($0)/brotli/decode.h")
}

// Poppler's private headers (libpoppler-private-dev) and libdeflate: faster, with the same text. POPPLER_PRIVATE_ABI=0 does without them.
let hasPrivateHeaders =
    Context.environment["POPPLER_PRIVATE_ABI"] != "0"
    && ["poppler/Stream.h", "libdeflate.h"].allSatisfy {
        FileManager.default.fileExists(atPath: "/usr/include/\($0)")
    }

// What `ingestctl version` says: the repository's, or BUILD_COMMIT where there is none (an image's build).
let commit =
    Context.environment["BUILD_COMMIT"]
    ?? Context.gitInformation.map { $0.currentCommit + ($0.hasUncommittedChanges ? "+changes" : "") } ?? ""

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let cSettings: [CSetting] = [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"])]
// Poppler finds the functions of CPopplerTuning only where the program exports them.
let exportsTuning = LinkerSetting.unsafeFlags(["-Xlinker", "--export-dynamic"])
func systemLibrary(_ name: String, _ pkgConfig: String, apt: String) -> Target {
    .systemLibrary(
        name: name,
        path: "Sources/CLibraries/\(name)",
        pkgConfig: pkgConfig,
        providers: [.apt([apt])]
    )
}

/// What every target of the ingestion itself may use.
let foundations: [Target.Dependency] = [
    "AsyncPrimitives", "TextCoding", "HTTPTransport", "Observability", "CommandLineOptions", "Resilience", "OpenSearch",
]

let package = Package(
    name: "ingest-fleet",
    products: [
        .executable(name: "ingest-worker", targets: ["ingest-worker"]),
        .executable(name: "embed-worker", targets: ["embed-worker"]),
        .executable(name: "ingestctl", targets: ["ingestctl"]),
        .executable(name: "document-extractor", targets: ["document-extractor"]),
    ],
    targets: [
        systemLibrary("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        systemLibrary("CCrypto", "libcrypto", apt: "libssl-dev"),
        systemLibrary("CXML2", "libxml-2.0", apt: "libxml2-dev"),
        systemLibrary("CZstd", "libzstd", apt: "libzstd-dev"),
        systemLibrary("CPoppler", "poppler-glib", apt: "libpoppler-glib-dev"),
        systemLibrary("CMd4c", "md4c", apt: "libmd4c-dev"),
        systemLibrary("CUchardet", "uchardet", apt: "libuchardet-dev"),
        systemLibrary("CZlib", "zlib", apt: "zlib1g-dev"),
        systemLibrary("CGMime", "gmime-3.0", apt: "libgmime-3.0-dev"),

        .target(name: "CPlatform", cSettings: cSettings),
        .target(name: "CBuild", cSettings: cSettings + [.define("BUILD_COMMIT", to: "\"\(commit)\"")]),
        .target(name: "CPopplerTuning", cSettings: cSettings),
        .target(name: "CSandbox", cSettings: cSettings, linkerSettings: [.linkedLibrary("seccomp")]),
        .target(
            name: "CVocabulary",
            exclude: ["README.md", "cl100k.vocabulary", "unicode16.classes"],
            cSettings: cSettings
        ),

        .target(name: "ExtractionWire", dependencies: ["CPlatform"], swiftSettings: settings),
        // What knows nothing of ingestion. Each depends on those above it only.
        .target(name: "AsyncPrimitives", dependencies: ["CPlatform"], swiftSettings: settings),
        .target(name: "TextCoding", dependencies: ["CPlatform"], swiftSettings: settings),
        .target(
            name: "HTTPTransport",
            dependencies: ["AsyncPrimitives", "TextCoding", "CCurl", "CPlatform"],
            swiftSettings: settings
        ),
        .target(
            name: "Observability",
            dependencies: ["AsyncPrimitives", "TextCoding", "CPlatform"],
            swiftSettings: settings
        ),
        .target(
            name: "CommandLineOptions",
            dependencies: ["AsyncPrimitives", "TextCoding", "HTTPTransport", "Observability"],
            swiftSettings: settings
        ),
        .target(
            name: "Resilience",
            dependencies: ["AsyncPrimitives", "HTTPTransport", "ExtractionWire"],
            swiftSettings: settings
        ),
        .target(
            name: "OpenSearch",
            dependencies: ["TextCoding", "HTTPTransport", "ExtractionWire", "Resilience"],
            swiftSettings: settings
        ),
        .target(
            name: "IngestCore",
            dependencies: foundations + ["CCrypto", "CXML2", "CZstd", "CPlatform", "CVocabulary", "ExtractionWire"],
            swiftSettings: settings
        ),
        .target(
            name: "DocumentExtraction",
            dependencies: [
                "CPoppler", "CXML2", "CMd4c", "CUchardet", "CZlib", "CGMime", "CPlatform", "CPopplerTuning",
                "ExtractionWire",
            ],
            // The handlers of parsers are called for every few bytes, by one thread: checks of exclusive access at run time are a tenth of their time.
            swiftSettings: settings + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]
        ),
        .target(
            name: "ExtractorProgram",
            dependencies: ["DocumentExtraction", "CPopplerTuning", "CSandbox", "CPlatform", "ExtractionWire"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "document-extractor",
            dependencies: ["ExtractorProgram"],
            swiftSettings: settings,
            linkerSettings: [.linkedLibrary("jemalloc"), exportsTuning]
        ),
        .executableTarget(name: "ingest-worker", dependencies: foundations + ["IngestCore"], swiftSettings: settings),
        .executableTarget(name: "embed-worker", dependencies: foundations + ["IngestCore"], swiftSettings: settings),
        .executableTarget(
            name: "ingestctl",
            dependencies: foundations + ["IngestCore", "ExtractionWire", "CBuild"],
            swiftSettings: settings
        ),

        .executableTarget(
            name: "chunk-bench",
            dependencies: foundations + ["IngestCore", "ExtractionWire"],
            path: "Tests/ChunkBench",
            swiftSettings: settings
        ),
        .target(
            name: "IngestTestKit",
            dependencies: foundations + ["IngestCore", "ExtractionWire"],
            path: "Tests/IngestTestKit",
            swiftSettings: settings
        ),
        .testTarget(
            name: "IngestCoreTests",
            dependencies: foundations + ["IngestCore", "IngestTestKit", "ExtractionWire"],
            exclude: ["Events"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DocumentExtractionTests",
            dependencies: ["DocumentExtraction", "ExtractionWire"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ProgramTests",
            dependencies: foundations + [
                "IngestCore", "IngestTestKit", "ExtractionWire", "ingest-worker", "embed-worker", "ingestctl",
                "document-extractor",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: foundations + [
                "IngestCore", "IngestTestKit", "ExtractionWire",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: foundations + [
                "IngestCore", "IngestTestKit", "ExtractionWire",
            ],
            swiftSettings: settings
        ),
    ]
)

if hasBrotli {
    package.targets.append(systemLibrary("CBrotli", "libbrotlidec", apt: "libbrotli-dev"))
    package.targets.first { $0.name == "DocumentExtraction" }?.dependencies.append("CBrotli")
}

if hasTesseract {
    package.products.append(.executable(name: "document-ocr", targets: ["document-ocr"]))
    package.targets += [
        systemLibrary("CTesseract", "tesseract", apt: "libtesseract-dev"),
        .target(
            name: "TextRecognition",
            dependencies: ["CTesseract", "DocumentExtraction", "ExtractionWire"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "document-ocr",
            dependencies: ["ExtractorProgram", "TextRecognition"],
            swiftSettings: settings,
            linkerSettings: [exportsTuning]
        ),
    ]
}

if hasPrivateHeaders {
    package.targets.append(
        .target(
            name: "CPopplerInflate",
            cxxSettings: [.unsafeFlags(["-std=c++17", "-I/usr/include/poppler"])],
            linkerSettings: [.linkedLibrary("poppler"), .linkedLibrary("deflate"), .linkedLibrary("stdc++")]
        )
    )
    package.targets.first { $0.name == "document-extractor" }?.dependencies.append("CPopplerInflate")
}
