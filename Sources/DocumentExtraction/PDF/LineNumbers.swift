/// Numbers in the margin that count the lines of a page, as preprints for review, transcripts and bills have them: they part what they stand beside.
enum LineNumbers {
    private static let fewest = 10
    private static let steps: ClosedRange<Int> = 1...5

    /// The fragments without such numbers.
    static func removed(from fragments: [Fragment], _ text: [UInt8]) -> [Fragment] {
        let isCount = fragments.map { $0.isNumber && value($0, text) != nil }
        let numbers = fragments.indices.filter { isCount[$0] }
        guard numbers.count >= fewest else { return fragments }
        let others = fragments.indices.filter { !isCount[$0] }
        guard let left = others.map({ fragments[$0].box.left }).min(),
            let right = others.map({ fragments[$0].box.right }).max()
        else { return fragments }
        for isLeft in [true, false] {
            let column = numbers.filter {
                isLeft ? fragments[$0].box.right < left + 1 : fragments[$0].box.left > right - 1
            }
            .sorted { fragments[$0].box.top < fragments[$1].box.top }
            if counts(column, fragments, text), areLines(others, of: column, fragments, text) {
                let gone = Set(column)
                return fragments.indices.filter { !gone.contains($0) }.map { fragments[$0] }
            }
        }
        return fragments
    }

    private static func value(_ fragment: Fragment, _ text: [UInt8]) -> Int? {
        let bytes = text[fragment.start..<fragment.end]
        return bytes.count <= 5 && bytes.allSatisfy { (0x30...0x39).contains($0) }
            ? Int(String(decoding: bytes, as: UTF8.self)) : nil
    }

    /// By one step all the way down.
    private static func counts(_ column: [Int], _ fragments: [Fragment], _ text: [UInt8]) -> Bool {
        guard column.count >= fewest else { return false }
        let values = column.compactMap { value(fragments[$0], text) }
        let step = values[1] - values[0]
        return steps.contains(step) && zip(values, values.dropFirst()).allSatisfy { $1 - $0 == step }
    }

    /// Most lines go on in the middle of a sentence, which rows of a list or table do not, and are as wide as the text.
    private static func areLines(_ others: [Int], of column: [Int], _ fragments: [Fragment], _ text: [UInt8]) -> Bool {
        let lines = others.map { fragments[$0] }
        let small = lines.count { (0x61...0x7A).contains(text[$0.start]) }
        let widest = lines.reduce(Float(0)) { max($0, $1.box.width) }
        let wide = lines.count { $0.box.width > 0.6 * widest }
        return small * 10 >= lines.count * 3 && wide * 2 > lines.count
    }
}
