/* tool.h - what the program uses of the library beyond stylet.h. Not installed,
 * not stable. The commands include this header and stylet.h, nothing deeper. */
#ifndef STY_TOOL_H
#define STY_TOOL_H

#include "audio/clip.h"
#include "audio/mel.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/locale_c.h"
#include "base/npy.h"
#include "base/param.h"
#include "corpus/list.h"
#include "corpus/merge.h"
#include "corpus/run.h"
#include "corpus/shard.h"
#include "math/activation.h"
#include "math/gemm.h"
#include "model/describe.h"
#include "model/session.h"
#include "plot/html.h"
#include "plot/markup.h"
#include "plot/pictures.h"
#include "style/average.h"
#include "style/blend.h"
#include "style/compare.h"
#include "style/diagnose.h"
#include "style/expect.h"
#include "style/mix.h"
#include "style/pca.h"
#include "style/store.h"
#include "stylet.h"
#include "write/writer.h"

#endif
