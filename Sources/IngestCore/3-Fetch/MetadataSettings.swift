/// What is read beside objects, and what the index makes of it.
package struct MetadataSettings: Equatable, Sendable {
    /// The values are those of METADATA.
    package enum Source: String, CaseIterable, Sendable {
        case user
        case tags
        case sidecar
    }

    /// Who sees a document without an access list. The values are those of ACCESS.
    package enum Access: String, CaseIterable, Sendable {
        /// Documents have no access lists.
        case off
        /// Everyone: its list is `*`.
        case open
        /// No one.
        case closed
    }

    /// In the order in which the later replaces the earlier.
    package var sources: [Source] = Source.allCases
    /// `name:type`, apart by commas; empty for one flat object of keywords.
    package var fields = ""
    package var access = Access.off
    /// The attribute that holds the access list.
    package var accessAttribute = "access"

    package init() {}

    /// `report.pdf.metadata.json` stands beside `report.pdf`.
    package static let suffix = ".metadata.json"

    /// The object that a sidecar is about; nil for other objects, or where sidecars are documents as any other.
    package func subject(of object: ObjectReference) -> ObjectReference? {
        guard sources.contains(.sidecar), object.key.utf8.count > Self.suffix.utf8.count,
            object.key.utf8.suffix(Self.suffix.utf8.count).elementsEqual(Self.suffix.utf8)
        else { return nil }
        let key = String(decoding: object.key.utf8.dropLast(Self.suffix.utf8.count), as: UTF8.self)
        return key.utf8.last == 0x2F ? nil : ObjectReference(bucket: object.bucket, key: key)
    }

    /// The declared fields with the types that they have in OpenSearch. Nil where the declaration has another form.
    package static func declared(_ text: String) -> [(name: String, type: String)]? {
        var fields: [(name: String, type: String)] = []
        for part in text.split(separator: ",") {
            let pair = part.split(separator: ":").map { String($0).filter { $0 != " " } }
            guard pair.count == 2, types.contains(pair[1]), !pair[0].isEmpty, !pair[0].contains("."),
                !["source", "page"].contains(pair[0]), !fields.contains(where: { $0.name == pair[0] })
            else { return nil }
            fields.append((pair[0], pair[1]))
        }
        return fields
    }

    private static let types = ["keyword", "text", "long", "integer", "double", "boolean", "date"]

    /// The access list of a document; nil for none.
    package func accessList(_ metadata: DocumentMetadata) -> [String]? {
        guard access != .off else { return nil }
        let list = metadata[accessAttribute]?.texts ?? []
        return list.isEmpty ? (access == .open ? [Self.everyone] : nil) : list
    }

    package static let everyone = "*"
}
