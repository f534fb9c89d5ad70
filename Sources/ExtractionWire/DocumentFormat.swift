/// What a document is. The numbers are part of the extractor's protocol.
package enum DocumentFormat: UInt8, Sendable, CaseIterable {
    case pdf = 1
    case html
    case xml
    case markdown
    case text
    case docx
    case pptx
    case xlsx
    case odt
    case odp
    case ods
    case epub
    case rtf
    case mail
    case csv
    case json
    case image

    /// As it is in the index's `format` field.
    package var name: String { String(describing: self) }
}
