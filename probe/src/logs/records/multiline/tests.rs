//! Tests of the stack traces of five languages.

use super::*;

/// Lines joined by the presets.
fn joined(presets: &[Preset], text: &str) -> Vec<String> {
    let rule = Rule::Presets(presets.to_vec());
    let mut records: Vec<String> = Vec::new();
    let mut position = Position::default();
    for line in text.lines() {
        if !records.is_empty() && rule.goes_on(&mut position, line.as_bytes()) {
            let last = records.last_mut().expect("one record");
            last.push('\n');
            last.push_str(line);
        } else {
            position = rule.begin(line.as_bytes());
            records.push(line.to_owned());
        }
    }
    records
}

/// Each of the parts, which are given with an empty line of equals signs between them, is one record.
fn is_joined(presets: &[Preset], text: &str) {
    let expected: Vec<_> = text.split("\n====\n").map(|part| part.trim_end_matches('\n')).collect();
    let text = expected.join("\n");
    assert_eq!(joined(presets, &text), expected);
    // Other languages' presets beside it change nothing.
    let all = [Preset::Java, Preset::DotNet, Preset::Python, Preset::Go];
    if presets != [Preset::Node] {
        assert_eq!(joined(&all, &text), expected, "with other presets");
    }
}

#[test]
fn a_trace_of_java_is_one_record_with_the_line_that_logged_it() {
    is_joined(
        &[Preset::Java],
        "2026-01-02 INFO started
====
2026-01-02 ERROR request failed
java.lang.IllegalStateException: no connection
\tat com.example.Pool.take(Pool.java:42)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
\tSuppressed: java.io.IOException: closed
\t\tat com.example.Socket.close(Socket.java:7)
Caused by: java.net.ConnectException: refused
\tat com.example.Socket.connect(Socket.java:3)
\t... 2 more
====
java.lang.RuntimeException: printed alone
\tat com.example.Main.main(Main.java:5)
====
java.lang.RuntimeException: and another
\tat com.example.Main.main(Main.java:6)
====
Exception in thread \"main\" java.lang.Error
\tat com.example.Main.main(Main.java:7)
====
2026-01-02 INFO goes on",
    );
}

#[test]
fn a_traceback_of_python_is_one_record_with_those_that_caused_it() {
    is_joined(
        &[Preset::Python],
        "ERROR:root:request failed
Traceback (most recent call last):
  File \"a.py\", line 1, in f
    g()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"a.py\", line 3, in <module>
    f()
ValueError: bad
====
INFO:root:goes on
====
ERROR:root:again
Traceback (most recent call last):
  File \"b.py\", line 1, in <module>
ZeroDivisionError: division by zero
====
Traceback (most recent call last):
  File \"c.py\", line 1, in <module>
ZeroDivisionError: division by zero
====
next",
    );
}

#[test]
fn a_panic_of_go_is_one_record() {
    is_joined(
        &[Preset::Go],
        "2026/01/02 listening
====
panic: runtime error: index out of range [3] with length 3 [recovered]
\tpanic: again

goroutine 1 [running]:
main.(*Server).run(0xc000010000, {0x1, 0x2})
\t/src/main.go:12 +0x1d
main.main()
\t/src/main.go:5 +0x20
created by net/http.(*Server).Serve in goroutine 1
\t/src/server.go:3285 +0x4b4
exit status 2
====
2026/01/02 restarted",
    );
}

#[test]
fn a_trace_of_dot_net_is_one_record() {
    is_joined(
        &[Preset::DotNet],
        "fail: Shop[0]
      An unhandled exception has occurred
      System.InvalidOperationException: no
         at Shop.Run() in /src/Shop.cs:line 4
====
Unhandled exception. System.AggregateException: One or more errors
 ---> System.Net.Sockets.SocketException (111): refused
   at Shop.Connect()
   --- End of inner exception stack trace ---
   at Shop.Main()
====
info: goes on",
    );
}

#[test]
fn a_trace_of_node_is_one_record_with_its_source() {
    is_joined(
        &[Preset::Node],
        "listening on 8080
====
/app/index.js:3
    throw new TypeError('no');
    ^

TypeError: no
    at f (/app/index.js:3:9)
    at node:internal/main/run_main_module:28:49 {
  code: 'ERR_X'
}

Node.js v20.1.0
====
request failed
Error [ERR_Y]: again
    at g (/app/index.js:9:9)
====
TypeError: alone
    at h (/app/index.js:10:1)",
    );
}
