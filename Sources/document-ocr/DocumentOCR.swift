import ExtractorProgram
import Glibc
import TextRecognition

/// Reads documents as `document-extractor` does, and what pages and pictures without text show. A program of its own, because Tesseract links libcurl.
///
///     document-ocr --languages eng+deu [--memory-bytes N] [--no-sandbox]
@main
struct DocumentOCR {
    static func main() {
        guard let options = ExtractorOptions(CommandLine.arguments.dropFirst(), more: ["--languages"]),
            let languages = options["--languages"]
        else { exit(ExtractorProgram.ExitCode.usage) }
        guard let recognizer = TesseractRecognizer(languages: languages) else {
            exit(ExtractorProgram.ExitCode.noModel)
        }
        ExtractorProgram(options, recognizer: recognizer).run()
    }
}
