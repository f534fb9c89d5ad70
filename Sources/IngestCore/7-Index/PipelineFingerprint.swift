import TextCoding

/// A hash of everything that changes chunk text or vectors. It names the physical index: another fingerprint is another index, never a mix.
package struct PipelineFingerprint: Equatable, Sendable, CustomStringConvertible {
    /// 12 hexadecimal digits.
    package let description: String
    /// What it is made of, by the setting's name; the index keeps it, so that a difference can be named.
    package private(set) var settings: [String: String]

    /// To be raised with every change of what extraction makes of the same bytes.
    package static let extractionVersion = 4

    package init(
        chunking: ChunkingSettings,
        tokenizer: String,
        model: String,
        dimensions: Int,
        documentPrefix: String = "",
        wholePages: Bool = false,
        ocrLanguages: String = "",
        metadata: MetadataSettings = MetadataSettings(),
        name: String = ""
    ) {
        var parts = [
            "extraction=\(Self.extractionVersion)", "chunker=\(Chunker.version)", "tokens=\(chunking.tokens)",
            "overlap=\(chunking.overlap)", "strategy=\(chunking.strategy.rawValue)",
            "context=\(chunking.context.rawValue)",
            "tokenizer=\(tokenizer)", "model=\(model)", "dimensions=\(dimensions)",
            "pages=\(wholePages ? "whole" : "main")",
        ]
        settings = [
            "CHUNK_STRATEGY": chunking.strategy.rawValue, "CHUNK_TOKENS": String(chunking.tokens),
            "CHUNK_OVERLAP": String(chunking.overlap), "CHUNK_CONTEXT": chunking.context.rawValue,
            "WORD_ANALYZERS": chunking.usesLanguageAnalyzers ? "language" : "standard", "EMBEDDING_MODEL": model,
            "EMBEDDING_DIMENSIONS": String(dimensions), "EMBEDDING_DOCUMENT_PREFIX": documentPrefix,
            "PAGE_CONTENT": wholePages ? "whole" : "main", "OCR_LANGUAGES": ocrLanguages,
            "extraction version": String(Self.extractionVersion), "chunker version": "\(Chunker.version)",
            "tokenizer": tokenizer, "PIPELINE_NAME": name,
        ]
        if chunking.strategy == .parentChild {
            settings["CHUNK_PARENT_TOKENS"] = String(chunking.parentTokens)
            parts.append("parents=\(chunking.parentTokens)")
        }
        let described = [
            ("METADATA", metadata.sources.map(\.rawValue).joined(separator: ",")),
            ("METADATA_FIELDS", metadata.fields), ("ACCESS", metadata.access.rawValue),
            ("ACCESS_ATTRIBUTE", metadata.accessAttribute),
        ]
        for (name, value) in described { settings[name] = value }
        if metadata != MetadataSettings() { parts += described.map { "\($0)=\($1)" } }
        if !chunking.usesLanguageAnalyzers { parts.append("words=standard") }
        if !documentPrefix.isEmpty { parts.append("prefix=\(documentPrefix)") }
        if !ocrLanguages.isEmpty { parts.append("ocr=\(ocrLanguages)") }
        if !name.isEmpty { parts.append("name=\(name)") }
        description = Hex.string(Digest.sha256(parts.joined(separator: "\n")).prefix(6))
    }

    /// As the registry has it: of a pipeline that may have been made by another version, or with other settings than this program's.
    package init(registered description: String, settings: [String: String]) {
        self.description = description
        self.settings = settings
    }

    /// What decides whether equal texts have equal vectors.
    package var vectorSettings: [String?] {
        ["EMBEDDING_MODEL", "EMBEDDING_DIMENSIONS", "EMBEDDING_DOCUMENT_PREFIX"].map { settings[$0] }
    }
}

/// The names of everything that belongs to one readers' alias.
package struct IndexNames: Equatable, Sendable {
    /// What readers search.
    package var alias: String
    package var fingerprint: PipelineFingerprint

    package init(alias: String, fingerprint: PipelineFingerprint) {
        self.alias = alias
        self.fingerprint = fingerprint
    }

    package var template: String { "\(alias)-chunks" }
    package var pattern: String { "\(alias)-chunks-*" }
    package var chunks: String { "\(alias)-chunks-\(fingerprint)" }
    /// What is written through: it exists only where setup made it.
    package var writeAlias: String { "\(chunks)-write" }
    package var ledger: String { "\(alias)-ledger" }
    package var searchPipeline: String { "\(alias)-hybrid" }
}
