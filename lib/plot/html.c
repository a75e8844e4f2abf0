/* html.c - the frame of a page. Style and script are inside it; the script is a
 * tool tip and one audio element, no library. */
#include "plot/html.h"

#include "plot/markup.h"

#include <string.h>

static const char style[] =
    "*{box-sizing:border-box}html{color-scheme:light dark}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}\n"
    "main{max-width:1080px;margin:0 auto;padding:32px 24px 96px}\n"
    "h1{font-size:26px;line-height:1.25;margin:0 0 8px;letter-spacing:-.01em}h2{font-size:18px;margin:44px 0 4px}\n"
    "p{margin:4px 0 12px;color:var(--muted);max-width:72ch}svg{max-width:100%;height:auto;display:block}\n"
    "figure{margin:8px -24px;overflow-x:auto}svg text{pointer-events:none}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}\n"
    "th{text-align:left;font-weight:600;font-size:13px;color:var(--muted)}th,td{padding:7px 12px 7px 0;border-bottom:1px solid var(--grid);vertical-align:top}\n"
    "td.n,th.n{text-align:right;padding-right:20px;white-space:nowrap}\n"
    "button.clip{font:inherit;font-size:13px;color:var(--ink);background:none;border:1px solid var(--grid);border-radius:999px;padding:1px 10px;margin:0 4px 4px 0;cursor:pointer}\n"
    "span.clip{font-size:13px;color:var(--muted);margin-right:10px}\n"
    "button.clip::before{content:'\\25B6';font-size:9px;margin-right:6px;color:var(--accent)}button.clip:hover{border-color:var(--accent)}\n"
    "[data-sound]{cursor:pointer}[data-sound]:hover,[data-sound].on{stroke:var(--ink);stroke-width:2px}button.on{border-color:var(--accent)}\n"
    "pre{font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;margin:14px 0}\n"
    ".warning{color:var(--warning)}dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 20px;margin:14px 0}dt{color:var(--muted)}dd{margin:0}\n"
    "#tip{position:fixed;pointer-events:none;background:var(--ink);color:var(--paper);padding:5px 9px;border-radius:6px;font-size:13px;line-height:1.35;"
    "white-space:pre-line;max-width:46ch;overflow-wrap:anywhere;opacity:0;transition:opacity .08s;z-index:2}\n"
    "#player{position:fixed;left:50%;bottom:18px;transform:translateX(-50%);display:none;align-items:center;gap:12px;background:var(--paper);"
    "border:1px solid var(--grid);border-radius:999px;padding:8px 16px;box-shadow:0 6px 24px #0003;max-width:92vw}\n"
    "#player.on{display:flex}#player b{font-weight:600;font-size:13px;overflow-wrap:anywhere}#player audio{height:32px}\n";

static const char script[] =
    "(function(){'use strict';\n"
    "var tip=document.getElementById('tip'),player=document.getElementById('player'),audio=player.querySelector('audio'),name=player.querySelector('b'),last=null;\n"
    "function near(e,key){var t=e.target;return t&&t.closest?t.closest('['+key+']'):null}\n"
    "document.addEventListener('pointermove',function(e){var t=near(e,'data-tip');\n"
    " if(!t){tip.style.opacity=0;return}\n"
    " tip.textContent=t.getAttribute('data-tip');tip.style.opacity=1;\n"
    " var x=e.clientX+14,y=e.clientY+14,w=tip.offsetWidth,h=tip.offsetHeight;\n"
    " if(x+w>innerWidth-8)x=e.clientX-w-10;if(y+h>innerHeight-8)y=e.clientY-h-10;\n"
    " tip.style.left=Math.max(4,x)+'px';tip.style.top=Math.max(4,y)+'px'});\n"
    "function play(t){if(last)last.classList.remove('on');last=t;t.classList.add('on');player.classList.add('on');\n"
    " name.textContent=(t.getAttribute('data-tip')||t.textContent).split('\\n')[0];audio.src=t.getAttribute('data-sound');\n"
    " var p=audio.play();if(p)p.catch(function(){name.textContent+=' (cannot be played here)'})}\n"
    "document.addEventListener('click',function(e){var t=near(e,'data-sound');if(t)play(t)});\n"
    "document.addEventListener('keydown',function(e){if(e.key==='Escape'){audio.pause();player.classList.remove('on')}\n"
    " else if(e.key==='Enter'&&document.activeElement&&document.activeElement.tagName!=='BUTTON'&&document.activeElement.hasAttribute('data-sound'))play(document.activeElement)});\n"
    "document.querySelectorAll('svg [data-sound]').forEach(function(t){t.setAttribute('tabindex','0')});\n"
    "})();\n";

static void variables(sty_theme theme, sty_buf *out) {
    sty_buf_text(out, ":root{");
    for (sty_colour c = STY_PAPER; c < STY_PAPER + STY_N_ROLES; c++)
        sty_buf_printf(out, "--%s:#%06x;", sty_colour_role(c), sty_colour_rgb(c, theme));
    sty_buf_text(out, "}");
}

void sty_html_begin(const char *title, sty_page_theme theme, sty_buf *out) {
    sty_buf_text(out, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
    sty_markup_text(title, out);
    sty_buf_text(out, "</title>\n<style>\n");
    variables(theme == STY_PAGE_DARK ? STY_DARK : STY_LIGHT, out);
    if (theme == STY_PAGE_AUTO) {
        sty_buf_text(out, "\n@media(prefers-color-scheme:dark){");
        variables(STY_DARK, out);
        sty_buf_text(out, "}");
    }
    sty_buf_printf(out, "\n%s</style>\n<main>\n", style);
}

void sty_html_end(sty_buf *out) {
    sty_buf_text(out, "</main>\n<div id=\"tip\" role=\"tooltip\"></div>\n<div id=\"player\"><b></b><audio controls></audio></div>\n<script>\n");
    sty_buf_text(out, script);
    sty_buf_text(out, "</script>\n</html>\n");
}

void sty_html_section(const char *heading, const char *remark, sty_buf *out) {
    sty_buf_text(out, "<section>\n");
    if (heading) {
        sty_buf_text(out, "<h2>");
        sty_markup_text(heading, out);
        sty_buf_text(out, "</h2>\n");
    }
    if (remark) {
        sty_buf_text(out, "<p>");
        sty_markup_text(remark, out);
        sty_buf_text(out, "</p>\n");
    }
}

void sty_html_section_end(sty_buf *out) { sty_buf_text(out, "</section>\n"); }

void sty_html_picture(const sty_canvas *canvas, sty_buf *out) {
    sty_buf_text(out, "<figure>\n");
    sty_svg_write(canvas, STY_LIGHT, true, out);
    sty_buf_text(out, "</figure>\n");
}

void sty_html_clip(const char *name, const char *sound, sty_buf *out) {
    const bool plays = sound && *sound;
    if (plays) {
        sty_buf_text(out, "<button class=\"clip\" data-sound=\"");
        sty_markup_text(sound, out);
        sty_buf_text(out, "\">");
    } else sty_buf_text(out, "<span class=\"clip\">");
    sty_markup_text(name, out);
    sty_buf_text(out, plays ? "</button>" : "</span>");
}

void sty_html_sound(const char *page_path, const char *audio_path, sty_buf *out) {
    const char *folder_end = strrchr(page_path, '/');
    if (*audio_path == '/') sty_buf_text(out, "file://");
    for (const char *p = page_path; folder_end && *audio_path != '/' && p <= folder_end; p++) {
        const size_t n = strcspn(p, "/");
        if (n > 0 && !(n == 1 && *p == '.')) sty_buf_text(out, "../");
        p += n;
    }
    for (const unsigned char *p = (const unsigned char *)audio_path; *p; p++) {
        const bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                           (*p && strchr("/-_.~", *p));
        if (plain) sty_buf_put(out, p, 1);
        else sty_buf_printf(out, "%%%02X", *p);
    }
}
