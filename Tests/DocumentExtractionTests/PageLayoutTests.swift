import DocumentExtraction
import ExtractionWire
import Testing

@Suite struct PageLayoutTests {
    /// A run of characters 5 points wide and 10 high, as poppler hands them over.
    private struct Run {
        var text: String
        var left: Float
        var top: Float
    }

    /// The canonical text of a page of runs; a run that begins with LF stands on a line of its own.
    private func read(_ runs: [Run], boxes isBoxed: Bool = true) throws -> (text: String, blocks: Int) {
        var text = ""
        var boxes: [CharacterBox] = []
        for run in runs {
            var left = run.left
            for scalar in run.text.unicodeScalars {
                boxes.append(CharacterBox(left: left, top: run.top, right: left + 5, bottom: run.top + 10))
                if scalar != "\n" { left += 5 }
            }
            text += run.text
        }
        if !isBoxed { boxes = [] }
        var builder = TextBuilder(limit: 1 << 20)
        text.withUTF8 { text in
            boxes.withUnsafeBufferPointer { PageLayout(text: text, boxes: $0).append(to: &builder) }
        }
        let limits = ExtractionLimits(pages: 10, textBytes: 1 << 20)
        let document = try builder.document(.pdf, limits: limits)
        return (String(decoding: document.text, as: UTF8.self), document.blocks.count)
    }

    @Test func cellsSideBySideAreParted() throws {
        let row = [
            Run(text: "Rate", left: 0, top: 0), Run(text: "2.5", left: 60, top: 0), Run(text: "六", left: 90, top: 0),
        ]
        #expect(try read(row).text == "Rate 2.5 六")
        let close = [Run(text: "Ra", left: 0, top: 0), Run(text: "te", left: 10.5, top: 0)]
        #expect(try read(close).text == "Rate", "kerning parts no word")
    }

    @Test(arguments: [
        ("funda-", "\nmental", "fundamental"), ("ge\u{AD}", "\nändert", "geändert"), ("ge\u{2010}", "\nsagt", "gesagt"),
        ("New-", "\nYork", "New-\nYork"), ("1990-", "\nand", "1990-\nand"), ("over -", "\nand", "over -\nand"),
        ("-", "\nand", "-\nand"),
    ])
    func onlyBrokenWordsAreJoined(first: String, second: String, expected: String) throws {
        let page = [Run(text: first, left: 0, top: 0), Run(text: second, left: 0, top: 12)]
        #expect(try read(page).text == expected)
    }

    @Test func paragraphsAreToldByTheirDistance() throws {
        let close = [Run(text: "One.", left: 0, top: 0), Run(text: "\nTwo.", left: 0, top: 12)]
        #expect(try read(close) == ("One.\nTwo.", 1))
        let apart = [Run(text: "One.", left: 0, top: 0), Run(text: "\nTwo.", left: 0, top: 24)]
        #expect(try read(apart) == ("One.\n\nTwo.", 2))
    }

    @Test func aSentenceGoesOnInTheNextColumn() throws {
        let open = [Run(text: "the lamp", left: 0, top: 500), Run(text: "\nis lit", left: 300, top: 0)]
        #expect(try read(open) == ("the lamp\nis lit", 1))
        let ended = [Run(text: "It ends.", left: 0, top: 500), Run(text: "\nAnother", left: 300, top: 0)]
        #expect(try read(ended).blocks == 2)
    }

    @Test func noTextIsLostForWantOfBoxes() throws {
        let page = [Run(text: "Größe", left: 0, top: 0), Run(text: "\nund Art", left: 0, top: 12)]
        #expect(try read(page, boxes: false).text == "Größe\nund Art")
    }
}
