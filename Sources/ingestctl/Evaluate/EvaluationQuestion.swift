import IngestCore
import Resilience
import TextCoding

/// A question, and what is right for it: documents, or passages.
struct EvaluationQuestion: Sendable {
    var id: String
    var text: String
    /// Names of documents with their grades, ordered by name.
    var relevant: [(name: String, grade: Int)]
    /// Passages, with one space between their words: a chunk that has one is right.
    var answers: [[UInt8]]

    var grades: [Int] { relevant.map(\.grade) + answers.map { _ in 1 } }

    /// What of the right things a hit is or has, as places in `grades`.
    func right(_ hit: SearchHit) -> [Int] {
        let names = Self.names(hit.object)
        var found = relevant.indices.filter { place in
            names.contains { $0.utf8.elementsEqual(relevant[place].name.utf8) }
        }
        guard !answers.isEmpty else { return found }
        let text = Self.flat(hit.text)
        for (place, answer) in answers.enumerated() where text.contains(answer) { found.append(relevant.count + place) }
        return found
    }

    /// What a judgement may call a document: its URI, its key, its file's name, with and without the ending.
    private static func names(_ object: ObjectReference) -> [String] {
        let file = object.key.utf8.split(separator: 0x2F).last.map { String(decoding: $0, as: UTF8.self) } ?? object.key
        let bare = file.utf8.lastIndex(of: 0x2E).map { String(decoding: file.utf8[..<$0], as: UTF8.self) } ?? file
        return [object.description, object.key, file, bare]
    }

    static func flat(_ text: String) -> [UInt8] {
        Array(text.utf8).split(whereSeparator: { $0 <= 0x20 }).joined(separator: [0x20]).map(\.self)
    }
}

/// Reads questions: JSON lines, or the two files of TREC and BEIR.
enum EvaluationFile {
    private static let maximumBytes = 256 << 20

    /// `{"question": "…", "relevant": ["s3://bucket/key", …]}`, or `"relevant": {"s3://bucket/key": 2}` with grades, or `"answers": ["a passage", …]`.
    private struct Line: Decodable {
        var id: String?
        var _id: String?
        var question: String?
        var text: String?
        var relevant: Relevant?
        var answers: [String]?
    }

    private struct Relevant: Decodable {
        var grades: [String: Int]

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let names = try? value.decode([String].self) {
                grades = Dictionary(names.map { ($0, 1) }) { first, _ in first }
            } else {
                grades = try value.decode([String: Int].self)
            }
        }
    }

    /// - Parameter judgements: a file of TREC or BEIR with what is right; nil where the questions say it themselves.
    static func questions(_ source: String, judgements: String?, _ context: CommandContext) async throws
        -> [EvaluationQuestion]
    {
        let lines = try await lines(source, context)
        let grades =
            if let judgements { try Self.grades(try await Self.lines(judgements, context), judgements) } else {
                nil as [String: [String: Int]]?
            }
        let isTopics = lines.first { $0.contains { $0 > 0x20 } }?.drop { $0 <= 0x20 }.first == 0x3C
        let read =
            isTopics
            ? topics(lines) : try lines.enumerated().compactMap { try question($1, $0 + 1, source, grades != nil) }
        var questions: [EvaluationQuestion] = []
        for var question in read {
            for (name, grade) in (grades?[question.id] ?? [:]).sorted(by: { $0.key < $1.key }) where grade > 0 {
                question.relevant.append((name, grade))
            }
            // Of a question without a judgement nothing can be said.
            if !question.grades.isEmpty { questions.append(question) }
        }
        guard !questions.isEmpty else {
            throw Failure.fleet("\(source) has no questions\(judgements.map { " that \($0) judges" } ?? "")")
        }
        return questions
    }

    private static func question(_ line: ArraySlice<UInt8>, _ number: Int, _ source: String, _ isJudged: Bool) throws
        -> EvaluationQuestion?
    {
        guard line.contains(where: { $0 > 0x20 }) else { return nil }
        if isJudged, line.drop(while: { $0 <= 0x20 }).first != 0x7B {
            let parts = line.split(separator: 0x09, maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
            guard parts.count == 2, !parts[1].trimmed.isEmpty else {
                throw Failure.fleet("line \(number) of \(source) is no question: an id, a tab, the question")
            }
            return EvaluationQuestion(
                id: String(parts[0].trimmed),
                text: String(parts[1].trimmed),
                relevant: [],
                answers: []
            )
        }
        guard let read = JSONLine.decode(Line.self, line), let text = read.question ?? read.text, !text.trimmed.isEmpty,
            read.relevant?.grades.values.allSatisfy({ (0...1000).contains($0) }) ?? true
        else { throw Self.problem(number, source) }
        let relevant = (read.relevant?.grades ?? [:]).filter { $0.value > 0 }.sorted { $0.key < $1.key }
        let answers = (read.answers ?? []).map(EvaluationQuestion.flat).filter { !$0.isEmpty }
        guard isJudged || !relevant.isEmpty || !answers.isEmpty else { throw Self.problem(number, source) }
        return EvaluationQuestion(
            id: read.id ?? read._id ?? String(number),
            text: text,
            relevant: relevant.map { ($0.key, $0.value) },
            answers: answers
        )
    }

    private static func problem(_ number: Int, _ source: String) -> Failure {
        .fleet(
            "line \(number) of \(source) is no question: {\"question\": \"…\", \"relevant\": [\"s3://bucket/key\"]}, or \"answers\": [\"a passage\"]"
        )
    }

    /// `<top> <num> Number: 401 <title> foreign minorities …`.
    private static func topics(_ lines: [ArraySlice<UInt8>]) -> [EvaluationQuestion] {
        let text = String(decoding: lines.joined(separator: [0x0A]).map(\.self), as: UTF8.self)
        return text.split(separator: "<top>").compactMap { top in
            func field(_ name: String) -> String? {
                guard let start = top.firstRange(of: "<\(name)>") else { return nil }
                let value = top[start.upperBound...].prefix { $0 != "<" }
                return value.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            }
            guard let number = field("num"), let title = field("title"), !title.isEmpty else { return nil }
            let id = number.split(separator: " ").last.map(String.init) ?? number
            return EvaluationQuestion(id: id, text: title, relevant: [], answers: [])
        }
    }

    /// `401 0 FBIS3-18833 1`, or BEIR's `query-id	corpus-id	score` with a line of names.
    private static func grades(_ lines: [ArraySlice<UInt8>], _ source: String) throws -> [String: [String: Int]] {
        var grades: [String: [String: Int]] = [:]
        for (number, line) in lines.enumerated() where line.contains(where: { $0 > 0x20 }) {
            let parts = line.split(whereSeparator: { $0 <= 0x20 }).map { String(decoding: $0, as: UTF8.self) }
            guard parts.count == 3 || parts.count == 4, let grade = Int(parts[parts.count - 1]),
                (-1000...1000).contains(grade)
            else {
                if number == 0 { continue }
                throw Failure.fleet("line \(number + 1) of \(source) is no judgement: question 0 document grade")
            }
            grades[parts[0], default: [:]][parts[parts.count - 2]] = grade
        }
        return grades
    }

    /// Of an object or of a file.
    static func lines(_ source: String, _ context: CommandContext) async throws -> [ArraySlice<UInt8>] {
        if let address = ObjectAddress(source) {
            let found = try await context.store.readBytes(address.writtenObject, maximum: maximumBytes)
            guard let found else { throw Failure.fleet("\(source) is not there") }
            return found.split(separator: 0x0A, omittingEmptySubsequences: false)
        }
        let reader = try LineReader(source)
        var lines: [ArraySlice<UInt8>] = []
        while let line = try reader.next() { lines.append(line) }
        return lines
    }
}
