#pragma once

// A C++ library behind poppler's private headers: see inflate.cc. It has no functions for others to call.
