/// Writes small PDFs.
enum PDFBuilder {
    /// Numbered from 1; poppler finds them without a table.
    static func pdf(_ objects: [String]) -> [UInt8] {
        var text = "%PDF-1.6\n"
        for (place, object) in objects.enumerated() { text += "\(place + 1) 0 obj\n\(object)\nendobj\n" }
        return Array((text + "trailer<</Root 1 0 R>>\n%%EOF\n").utf8)
    }

    static func stream(_ content: String, _ fields: String = "") -> String {
        "<<\(fields)/Length \(content.utf8.count)>>\nstream\n\(content)\nendstream"
    }

    /// Pages with words at places, in Helvetica of 11 points.
    static func pages(_ pages: [[(x: Int, y: Int, text: String)]]) -> [UInt8] {
        let kids = pages.indices.map { "\(4 + 2 * $0) 0 R" }.joined(separator: " ")
        var objects = [
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count \(pages.count)/Kids[\(kids)]>>",
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
        for (place, words) in pages.enumerated() {
            objects.append(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents \(5 + 2 * place) 0 R/Resources<</Font<</F 3 0 R>>>>>>"
            )
            objects.append(
                stream(
                    words.map { "BT /F 11 Tf 1 0 0 1 \($0.x) \($0.y) Tm (\($0.text)) Tj ET" }.joined(separator: "\n")
                )
            )
        }
        return pdf(objects)
    }
}
