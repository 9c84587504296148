// Division as multiplexers and subtractions, for engines that know no divider. By zero it is zero.
(* techmap_celltype = "$div $mod" *)
module kiln_divide (A, B, Y);
  parameter _TECHMAP_CELLTYPE_ = "";
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;

  wire a_below = A_SIGNED && B_SIGNED && A[A_WIDTH-1];
  wire b_below = A_SIGNED && B_SIGNED && B[B_WIDTH-1];
  wire [A_WIDTH-1:0] a = a_below ? -A : A;
  wire [B_WIDTH-1:0] b = b_below ? -B : B;
  wire [A_WIDTH-1:0] quotient;
  wire [(A_WIDTH+1)*(B_WIDTH+1)-1:0] left;  // what is left before each step, the highest bit first
  assign left[B_WIDTH:0] = 0;
  genvar i;
  generate
    for (i = 0; i < A_WIDTH; i = i + 1) begin : step
      wire [B_WIDTH:0] now = {left[i*(B_WIDTH+1) +: B_WIDTH], a[A_WIDTH-1-i]};
      assign quotient[A_WIDTH-1-i] = now >= {1'b0, b};
      assign left[(i+1)*(B_WIDTH+1) +: B_WIDTH+1] =
        quotient[A_WIDTH-1-i] ? now - {1'b0, b} : now;
    end
  endgenerate
  wire [B_WIDTH-1:0] rest = left[A_WIDTH*(B_WIDTH+1) +: B_WIDTH];
  localparam WIDTH = Y_WIDTH > A_WIDTH ? Y_WIDTH + 1 : A_WIDTH + 1;
  wire [WIDTH-1:0] whole = a_below != b_below ? -{1'b0, quotient} : {1'b0, quotient};
  wire [WIDTH+B_WIDTH-1:0] modulo = a_below ? -{1'b0, rest} : {1'b0, rest};
  assign Y = b == 0 ? 0 : _TECHMAP_CELLTYPE_ == "$div" ? whole : modulo;
endmodule
