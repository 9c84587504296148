// Test bench around one exported engine: plays stimulus files into its streams, records results.
//
// cocotb drives the clock, hands over jobs (`job_*`, `jobs_given`) and waits for `finished`; all
// that happens every cycle happens here, so that simulation runs at the speed of Verilator.
// Stall patterns and the memory (see sim/memory.py for its definition) count cycles from the
// command handshake, which is cycle 0.
//
// Files in the working folder: a.bin and b.bin hold the words of all jobs, most significant byte
// first; result.txt receives one line per command and per result row.
`timescale 1ns / 1ps
/* verilator lint_off WIDTH */
/* verilator coverage_off */

// One input stream: offers the words of its file while the job has words left.
module kiln_source #(
    parameter BITS = 8, NAME = "a.bin"
) (
    input wire aclk, input wire aresetn,
    input wire open,                // a job runs, or is accepted in this cycle
    input wire [31:0] more,         // words that the accepted job adds in this cycle
    input wire willing,             // stall pattern and memory
    input wire ready,
    output wire valid,
    output reg [BITS-1:0] data
);
  reg [31:0] left /* verilator public_flat_rd */;   // words of accepted jobs not yet taken
  reg [31:0] taken /* verilator public_flat_rd */;
  reg [BITS-1:0] next;
  integer file, got;
  wire pending = left + more != 0;
  assign valid = open && pending && willing; // withdrawn when unwilling: harsher than AXI is
  initial begin
    file = $fopen(NAME, "rb");
    left = 0; taken = 0;
    got = $fread(next, file);
    data = next;
  end
  always @(posedge aclk) begin
    left <= left + more - (valid && ready);
    if (valid && ready) begin
      taken <= taken + 1;
      got = $fread(next, file);
      data <= next;
    end
    if (!aresetn) begin left <= 0; taken <= 0; end
  end
endmodule

// Periodic pattern: bit `i` says whether the peer is willing in cycle `i` modulo `length`.
module kiln_pattern #(
    parameter BITS = 1024
) (
    input wire aclk, input wire active,
    input wire [BITS-1:0] bits, input wire [15:0] length,
    output wire willing
);
  reg [15:0] at = 0;
  assign willing = length == 0 || bits[at];
  always @(posedge aclk) at <= !active || at + 16'd1 >= length ? 16'd0 : at + 16'd1;
endmodule

// The shared memory of sim/memory.py.
module kiln_memory #(
    parameter A_BYTES = 1, B_BYTES = 1
) (
    input wire aclk, input wire enabled, input wire active, input wire stop,
    input wire [31:0] numerator, input wire [31:0] denominator, input wire [12:0] latency,
    input wire [31:0] refresh_interval, input wire [31:0] refresh_cycles,
    input wire [12:0] read_depth, input wire [12:0] write_depth,
    input wire [31:0] a_more, input wire [31:0] b_more,
    input wire a_taken, input wire b_taken, input wire row_taken, input wire [31:0] row_bytes,
    output wire a_offers, output wire b_offers, output wire accepts
);
  // Blocking assignments inside; only these three registers leave, so that nothing races.
  reg a_offered = 0, b_offered = 0, accepted = 1;
  assign a_offers = !enabled || a_offered;
  assign b_offers = !enabled || b_offered;
  assign accepts = !enabled || accepted;

  reg [31:0] phase, a_left, b_left;
  reg [12:0] a_out, b_out, a_here, b_here, rows;       // in flight and queued
  reg a_flight [0:4095], b_flight [0:4095];            // whether a word was granted, by time
  reg [11:0] now, due;
  reg [12:0] age;                                      // cycles since the start, up to the latency
  reg [31:0] size [0:4095];                            // of the rows that wait
  reg [11:0] head, tail;
  reg signed [63:0] bucket;
  reg [1:0] turn, client;
  reg a_grant, b_grant;
  integer step;

  task clear;
    begin
      phase = 0; a_left = 0; b_left = 0; a_out = 0; b_out = 0; a_here = 0; b_here = 0;
      rows = 0; now = 0; age = 0; head = 0; tail = 0; bucket = 0; turn = 0;
    end
  endtask
  initial clear;

  always @(posedge aclk) if (enabled) begin
    if (active) begin
      a_left = a_left + a_more; b_left = b_left + b_more;
      if (a_taken) begin a_out = a_out - 1; a_here = a_here - 1; end
      if (b_taken) begin b_out = b_out - 1; b_here = b_here - 1; end
      if (row_taken) begin size[tail] = row_bytes; tail = tail + 1; rows = rows + 1; end
      if (refresh_interval == 0 || phase < refresh_interval - refresh_cycles)
        bucket = (bucket < 0 ? bucket : 0) + $signed({32'd0, numerator});
      a_grant = 0; b_grant = 0; client = turn;
      for (step = 0; step < 3; step = step + 1) begin
        if (bucket > 0) case (client)
          0: if (a_left != 0 && a_out < read_depth) begin
            a_grant = 1; a_left = a_left - 1; a_out = a_out + 1; turn = 1;
            bucket = bucket - A_BYTES * $signed({32'd0, denominator});
          end
          1: if (b_left != 0 && b_out < read_depth) begin
            b_grant = 1; b_left = b_left - 1; b_out = b_out + 1; turn = 2;
            bucket = bucket - B_BYTES * $signed({32'd0, denominator});
          end
          default: if (rows != 0) begin
            bucket = bucket - $signed({32'd0, size[head]}) * $signed({32'd0, denominator});
            head = head + 1; rows = rows - 1; turn = 0;
          end
        endcase
        client = client == 2 ? 0 : client + 1;
      end
      a_flight[now] = a_grant;
      b_flight[now] = b_grant;
      age = age == latency ? age : age + 1;
      due = now + 1 - latency;
      if (age == latency) begin
        a_here = a_here + a_flight[due];
        b_here = b_here + b_flight[due];
      end
      now = now + 1;
      phase = phase + 1 == refresh_interval ? 0 : phase + 1;
    end
    if (stop) clear;
    a_offered <= a_here != 0;
    b_offered <= b_here != 0;
    accepted <= rows < write_depth;
  end
endmodule

module kiln_tb #(
    parameter CMD_BITS = 8, A_BITS = 8, B_BITS = 8, O_BITS = 8, PATTERN_BITS = 1024
) (
    input wire aclk /* verilator public_flat_rw */,
    input wire aresetn /* verilator public_flat_rw */
);
  // Set by cocotb before reset is released.
  reg serial /* verilator public_flat_rw */ = 1; // each job starts alone
  reg [31:0] total_jobs /* verilator public_flat_rw */ = 0;
  reg memory_enabled /* verilator public_flat_rw */ = 0;
  reg [31:0] memory_numerator /* verilator public_flat_rw */ = 1;
  reg [31:0] memory_denominator /* verilator public_flat_rw */ = 1;
  reg [12:0] memory_latency /* verilator public_flat_rw */ = 1;
  reg [31:0] memory_refresh_interval /* verilator public_flat_rw */ = 0;
  reg [31:0] memory_refresh_cycles /* verilator public_flat_rw */ = 0;
  reg [12:0] memory_read_depth /* verilator public_flat_rw */ = 16;
  reg [12:0] memory_write_depth /* verilator public_flat_rw */ = 16;
  // The next job; `jobs_given` is counted up when the rest is set.
  reg [CMD_BITS-1:0] job_cmd /* verilator public_flat_rw */ = 0;
  reg [31:0] job_a_words /* verilator public_flat_rw */ = 0;
  reg [31:0] job_b_words /* verilator public_flat_rw */ = 0;
  reg [31:0] hang_limit /* verilator public_flat_rw */ = 10000;
  reg [PATTERN_BITS-1:0] a_pattern /* verilator public_flat_rw */ = 0;
  reg [PATTERN_BITS-1:0] b_pattern /* verilator public_flat_rw */ = 0;
  reg [PATTERN_BITS-1:0] o_pattern /* verilator public_flat_rw */ = 0;
  reg [15:0] a_period /* verilator public_flat_rw */ = 0;
  reg [15:0] b_period /* verilator public_flat_rw */ = 0;
  reg [15:0] o_period /* verilator public_flat_rw */ = 0;
  reg [31:0] jobs_given /* verilator public_flat_rw */ = 0;
  // Seen by cocotb.
  reg [31:0] jobs_taken /* verilator public_flat_rd */ = 0;
  reg [31:0] jobs_done /* verilator public_flat_rd */ = 0;
  reg [31:0] rows_done /* verilator public_flat_rd */ = 0;
  reg [63:0] cycle /* verilator public_flat_rd */ = 0;
  reg [7:0] fault /* verilator public_flat_rd */ = 0;
  reg finished /* verilator public_flat_rd */ = 0;

  localparam FAULT_HANG = 1, FAULT_DROPPED = 2, FAULT_CHANGED = 3, FAULT_EXTRA = 4;

  wire cmd_ready /* verilator public_flat_rd */;
  wire a_ready /* verilator public_flat_rd */, b_ready /* verilator public_flat_rd */;
  wire a_valid /* verilator public_flat_rd */, b_valid /* verilator public_flat_rd */;
  wire o_valid /* verilator public_flat_rd */, o_ready /* verilator public_flat_rd */;
  wire o_last;
  wire [A_BITS-1:0] a_data;
  wire [B_BITS-1:0] b_data;
  wire [O_BITS-1:0] o_data;
  wire [O_BITS/8-1:0] o_keep;
  reg running = 0;
  wire cmd_valid /* verilator public_flat_rd */;
  assign cmd_valid = aresetn && jobs_given != jobs_taken;
  wire start = cmd_valid && cmd_ready;
  wire active = running || start;
  wire row = o_valid && o_ready;
  wire stop = serial && row && o_last;
  wire [31:0] a_more = start ? job_a_words : 0;
  wire [31:0] b_more = start ? job_b_words : 0;
  wire a_willing, b_willing, o_willing, a_offers, b_offers, accepts;

  kiln_pattern #(PATTERN_BITS) a_stalls (aclk, active && !stop, a_pattern, a_period, a_willing);
  kiln_pattern #(PATTERN_BITS) b_stalls (aclk, active && !stop, b_pattern, b_period, b_willing);
  kiln_pattern #(PATTERN_BITS) o_stalls (aclk, active && !stop, o_pattern, o_period, o_willing);
  kiln_source #(A_BITS, "a.bin") a (
      aclk, aresetn, active, a_more, a_willing && a_offers, a_ready, a_valid, a_data);
  kiln_source #(B_BITS, "b.bin") b (
      aclk, aresetn, active, b_more, b_willing && b_offers, b_ready, b_valid, b_data);
  assign o_ready = active && o_willing && accepts;

  integer lane;
  reg [31:0] row_bytes;
  always @* begin
    row_bytes = 0;
    for (lane = 0; lane < O_BITS / 8; lane = lane + 1) row_bytes = row_bytes + o_keep[lane];
  end
  kiln_memory #((A_BITS + 7) / 8, (B_BITS + 7) / 8) memory (
      aclk, memory_enabled, active, stop, memory_numerator, memory_denominator, memory_latency,
      memory_refresh_interval, memory_refresh_cycles, memory_read_depth, memory_write_depth,
      a_more, b_more, a_valid && a_ready, b_valid && b_ready, row, row_bytes,
      a_offers, b_offers, accepts);

  `KILN_TOP dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_cmd_tdata(job_cmd), .s_axis_cmd_tvalid(cmd_valid), .s_axis_cmd_tready(cmd_ready),
      .s_axis_a_tdata(a_data), .s_axis_a_tvalid(a_valid), .s_axis_a_tready(a_ready),
      .s_axis_b_tdata(b_data), .s_axis_b_tvalid(b_valid), .s_axis_b_tready(b_ready),
      .m_axis_tdata(o_data), .m_axis_tkeep(o_keep), .m_axis_tlast(o_last),
      .m_axis_tvalid(o_valid), .m_axis_tready(o_ready));

  integer log;
  initial log = $fopen("result.txt", "w");
  reg was_stalled = 0, was_last = 0;
  reg [O_BITS-1:0] was_data = 0;
  reg [O_BITS/8-1:0] was_keep = 0;
  reg [31:0] idle = 0;
  wire moves = start || row || (a_valid && a_ready) || (b_valid && b_ready);

  task fail(input [7:0] code);
    if (!finished) begin
      fault <= code; finished <= 1; $fflush(log);
    end
  endtask

  always @(posedge aclk) if (aresetn) begin
    cycle <= cycle + 1;
    running <= active && !stop;
    if (start) begin
      jobs_taken <= jobs_taken + 1;
      $fwrite(log, "job %0d\n", cycle);
    end
    if (row) begin
      rows_done <= rows_done + 1;
      $fwrite(log, "%0d %h %h %h\n", cycle, o_last, o_keep, o_data);
      if (o_last) begin
        jobs_done <= jobs_done + 1;
        if (jobs_done + 1 == total_jobs) begin finished <= 1; $fflush(log); end
      end
    end
    if (was_stalled && !o_valid) fail(FAULT_DROPPED);
    if (was_stalled && o_valid && {was_last, was_keep, was_data} != {o_last, o_keep, o_data})
      fail(FAULT_CHANGED);
    if (o_valid && !active && jobs_done == jobs_given) fail(FAULT_EXTRA);
    was_stalled <= o_valid && !o_ready;
    was_last <= o_last; was_keep <= o_keep; was_data <= o_data;
    idle <= moves || jobs_done == jobs_given ? 0 : idle + 1;
    if (idle == hang_limit) fail(FAULT_HANG);
  end
endmodule
