import DocumentExtraction
import ExtractionWire
import Testing

/// What stands on or in a PDF beside the text of its pages: values of form fields, annotations, embedded files.
@Suite struct PageFieldsTests {
    /// A page with words at places, and what belongs to it.
    private static func page(
        _ words: [(x: Int, y: Int, text: String)],
        catalog: String = "",
        annotations: [String] = [],
        others: [String] = []
    ) -> [UInt8] {
        let content = words.map { "BT /F 11 Tf 1 0 0 1 \($0.x) \($0.y) Tm (\($0.text)) Tj ET" }.joined(separator: "\n")
        let references = annotations.indices.map { "\($0 + 6) 0 R" }.joined(separator: " ")
        return PDFBuilder.pdf(
            [
                "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[\(references)]/DA(/F 11 Tf)>>\(catalog)>>",
                "<</Type/Pages/Count 1/Kids[3 0 R]>>",
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>/Annots[\(references)]>>",
                PDFBuilder.stream(content), "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            ] + annotations + others
        )
    }

    private static func field(_ rectangle: String, _ fields: String) -> String {
        "<</Type/Annot/Subtype/Widget/P 3 0 R/F 4/Rect[\(rectangle)]\(fields)>>"
    }

    @Test func valuesStandBesideTheirLabels() throws {
        let document = try read(
            Self.page(
                [
                    (60, 775, "Name of vessel:"), (60, 735, "Cargo:"), (60, 695, "Pilot:"), (60, 655, "Code:"),
                    (60, 615, "Remarks below."),
                ],
                annotations: [
                    Self.field("145 770 345 790", "/FT/Tx/T(vessel)/V(Kittiwake of Bergen)"),
                    Self.field("100 730 300 750", "/FT/Ch/Ff 131072/T(cargo)/Opt[(Coal)(Timber)]/V(Timber)"),
                    Self.field(
                        "95 690 115 710",
                        "/FT/Btn/T(aboard)/V/Yes/AS/Yes/AP<</N<</Yes 9 0 R/Off 9 0 R>>>>"
                    ),
                    "<<>>", Self.field("95 650 195 670", "/FT/Tx/Ff 8192/T(code)/V(sesame)"),
                ],
                others: [PDFBuilder.stream("", "/Type/XObject/Subtype/Form/BBox[0 0 1 1]")]
            )
        )
        let text = String(decoding: document.text, as: UTF8.self)
        for line in ["Name of vessel: Kittiwake of Bergen", "Cargo: Timber", "Pilot: [x] aboard"] {
            #expect(text.contains(line), "\(text)")
        }
        #expect(!text.contains("sesame"), "a password")
        #expect(text.hasSuffix("Remarks below."))
    }

    /// Printed forms have pages that are pictures.
    @Test func aPageOfValuesAloneIsRead() throws {
        let value = Self.field("60 770 345 790", "/FT/Tx/T(vessel)/V(Kittiwake)")
        #expect(texts(try read(Self.page([], annotations: [value]))) == ["Kittiwake"])
    }

    @Test func annotationsAreRead() throws {
        let document = try read(
            Self.page(
                [(60, 780, "Plan of the north mole.")],
                annotations: [
                    "<</Type/Annot/Subtype/FreeText/Contents(Crane out of order)/DA(/F 11 Tf)/Rect[60 700 300 730]>>",
                    "<</Type/Annot/Subtype/Text/Contents(Ask for soundings)/T(reviewer)/Rect[60 600 80 620]>>",
                    "<</Type/Annot/Subtype/Link/Contents(none of the text)/Rect[60 500 80 520]>>",
                ]
            )
        )
        #expect(texts(document) == ["Plan of the north mole.", "Crane out of order", "Note: Ask for soundings"])
    }

    private static func embedding(_ name: String, _ content: String, words: [(x: Int, y: Int, text: String)]) -> [UInt8]
    {
        page(
            words,
            catalog: "/Names<</EmbeddedFiles<</Names[(a) 6 0 R]>>>>",
            others: [
                "<</Type/Filespec/F(\(name))/UF(\(name))/EF<</F 7 0 R>>>>",
                PDFBuilder.stream(content, "/Type/EmbeddedFile"),
            ]
        )
    }

    @Test func embeddedFilesAreReadUnderTheirNames() throws {
        let cover = [(x: 60, y: 780, text: "Cover sheet.")]
        let document = try read(Self.embedding("minutes.txt", "The contract was awarded.", words: cover))
        #expect(texts(document) == ["Cover sheet.", "minutes.txt", "The contract was awarded."])
        #expect(document.notes.attachments == ["minutes.txt"])
        // A portfolio whose page is empty; settings of a printing program; a file that is none of what its name says.
        #expect(texts(try read(Self.embedding("minutes.txt", "Alone.", words: []))) == ["minutes.txt", "Alone."])
        for (name, content) in [("Press.joboptions", "<< /Binding /Left >>"), ("broken.docx", "PK\u{3}\u{4}")] {
            let document = try read(Self.embedding(name, content, words: cover))
            #expect(texts(document) == ["Cover sheet."] && document.notes.attachments == [name])
        }
    }
}
